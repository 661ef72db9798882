"""The local time-stamping authority: RFC 3161 with self-asserted time, for demos, tests and as a first proof.

Kept lean: the process that serves it imports neither aiohttp nor asn1crypto.
"""
