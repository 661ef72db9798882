"""Delivery decisions without I/O: packing, windows, retries."""
