"""The text of a document: its parts, its language, its sentences and words, each with its place."""
