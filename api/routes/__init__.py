"""The routes, one file for each noun. A route reads the request, calls the domain in a transaction, and shapes the answer."""
