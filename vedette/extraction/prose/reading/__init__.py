"""The model that reads sentences: its weights, windows, batches, and what is made of its scores."""
