"""Limits of the message forms; every input is bounded by one of them."""

from __future__ import annotations

MAX_BODY = 512 * 1024
"""Bytes of a message body as it travels: half of ejabberd's `max_stanza_size`, which closes the stream."""

MAX_DECODED_BODY = 8 * 1024 * 1024
"""Bytes of a body after decompression: a small stanza cannot unpack into the receiver's memory."""

MAX_BATCH_ITEMS = 300
"""Items in one batch: past about 300 the cost an item no longer falls (measured), only the latency grows."""

MAX_PAYLOAD = 256 * 1024
"""Bytes of a decoded payload that travels inline; larger ones go to the document service first."""

MAX_DOCUMENT = 1024 * 1024 * 1024
"""Bytes of a document: what one HTTP upload may bring."""

MAX_META = 64 * 1024
"""Bytes of an item's canonical meta."""

MAX_TEXT = 1024
"""Characters of a name, type, format or reason."""
