"""What people correct in an annotated document: applying it, and what a model can learn from it."""
