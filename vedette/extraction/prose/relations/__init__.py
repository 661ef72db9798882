"""What a document says of its entities: which are the same, and what one has to do with another."""
