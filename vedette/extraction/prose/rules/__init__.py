"""What fixed patterns find in a sentence beside the model: systems, updates, code parts, weaknesses, versions."""
