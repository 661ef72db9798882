"""Training of the model that reads prose; needs the extra `train` (torch), which nothing else does."""
