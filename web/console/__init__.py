"""The console: pages for people over everything that is kept, rendered on the server."""
