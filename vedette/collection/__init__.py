"""Collecting: what a source says, how politely it is asked, what is new in it, and what becomes of its bytes."""
