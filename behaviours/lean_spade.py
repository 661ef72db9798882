"""SPADE without the XMPP server that it brings along: a third of a second and 28 MB less in every agent's process."""

from __future__ import annotations

import sys
import types
from typing import Any, NoReturn

_UNUSED = {"pyjabber": "", "pyjabber.server": "Server", "pyjabber.server_parameters": "Parameters"}
"""Modules that SPADE's container imports for `spade.run`, which nothing here calls, and the name that it takes."""


class _Missing:
    """Stands where the server would."""

    def __init__(self, *_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("SPADE's own server is not loaded; `vedette up` runs the embedded one in its own process")


def import_spade() -> None:
    """Import SPADE; harmless when it, or the server, is loaded already."""
    if "spade" in sys.modules or "pyjabber" in sys.modules:
        return
    for module, name in _UNUSED.items():
        stand_in = types.ModuleType(module)
        stand_in.__path__ = []
        if name:
            setattr(stand_in, name, _Missing)
        sys.modules[module] = stand_in
    try:
        import spade  # noqa: F401
    finally:
        # Whoever wants the real one, as tests of the embedded server do, finds it.
        for module in _UNUSED:
            del sys.modules[module]
