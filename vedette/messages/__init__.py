"""The messages that agents exchange, as typed values with their limits."""
