"""The embedded XMPP server: one machine, loopback only, a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ejabberd.embedded.process import EmbeddedServer, EmbeddedSettings

__all__ = ["EmbeddedServer", "EmbeddedSettings"]


def __getattr__(name: str) -> Any:
    # On demand: the server's own process must not load what only its parent needs (`cryptography`, 20 MB).
    if name in __all__:
        from ejabberd.embedded import process

        return getattr(process, name)
    raise AttributeError(name)
