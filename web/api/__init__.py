"""The HTTP API: routes with an access rule each, over what `registry/` knows."""
