"""The knowledge graph: what things are called, which mentions are the same thing, and how they are merged."""
