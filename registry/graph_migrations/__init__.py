"""The knowledge graph's schema, step by step (Alembic); applied only by an explicit command."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from registry.migrations import Schema

HEAD: Final = "0001"
"""The revision that this release works with: the last file in `versions`."""

GRAPH: Final = Schema(scripts=Path(__file__).parent, head=HEAD, version_table="graph_version")
"""The graph's schema of this release; its version is kept apart from the store's, which may be the same database."""
