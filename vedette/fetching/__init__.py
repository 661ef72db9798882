"""The one guarded way to fetch what a user, a certificate or a redirect names: whom we ask, and how much we take."""
