"""What an annotated document states, as vertices and edges."""
