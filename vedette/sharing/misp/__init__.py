"""Investigations as MISP events: made here, written to files and feeds, and brought to servers."""
