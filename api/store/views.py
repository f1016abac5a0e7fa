"""What was seen through which link, found by the answers about the link's family."""

from __future__ import annotations

from sqlalchemy import FromClause, and_, join

from api.store.tables_work import LinkRow, ProfileRow, ViewRow


def views_of_links() -> FromClause:
    """Links with the answers that released something through them. A link belongs to one family, as an answer does."""
    seen = and_(ViewRow.profile == ProfileRow.profile, ViewRow.link == LinkRow.link)
    return join(join(LinkRow, ProfileRow, ProfileRow.family_ref == LinkRow.family_ref), ViewRow, seen)
