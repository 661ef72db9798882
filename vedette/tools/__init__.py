"""What a probe runs (tools) and how raw output becomes standard form (parsers)."""
