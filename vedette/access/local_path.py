"""Where a browser may be sent after a login: to a page of ours, nowhere else."""

from __future__ import annotations

import re

MAX_PATH = 512
"""Characters of a path that is followed."""

# Browsers read `//host` and `/\\host` as another host, and drop tabs and line ends wherever they are.
_LOCAL = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?\Z")


def local_path(text: str, *, otherwise: str) -> str:
    """Return a path of this site, or `otherwise` where the text is anything else."""
    return text if len(text) <= MAX_PATH and _LOCAL.match(text) else otherwise
