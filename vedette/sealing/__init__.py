"""End-to-end secrecy: items that only their receiver can read."""
