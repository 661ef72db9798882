"""Sharing: what was found, as other platforms take it; the same investigation gives the same bytes."""
