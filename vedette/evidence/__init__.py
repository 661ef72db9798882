"""Evidence: statements, hash trees, time-stamp tokens, records, bundles and their verification."""
