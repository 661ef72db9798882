"""Documents as agents see them: the client of the document service."""
