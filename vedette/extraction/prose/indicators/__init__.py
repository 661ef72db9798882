"""Indicators in a text: addresses, names of hosts, URLs, hashes, ids, paths, and where each stands. Pure."""
