"""Storage of the central service: SQLite or PostgreSQL, one schema, one history."""
