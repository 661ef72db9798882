"""From a document to the subgraph that it states: extractors, their mappings, and the forms they share."""
