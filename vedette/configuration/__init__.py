"""Configuration files: typed, each error with its file, key and reason."""
