"""Our own routes, under `/v1/`: lists in three forms, single things, and what may be decided about them."""
