"""pyjabber without what we replace: 30 MB in place of 83, no database engine, no web server."""

from __future__ import annotations

import importlib.util
import sys
import types

from vedette.errors import ConfigurationError

_REPLACED = {
    "pyjabber.features.presence.PresenceFeature": "Presence",
    "pyjabber.features.SASL.SASL": "SASL",
    "pyjabber.plugins.PluginManager": "PluginManager",
}
"""Module of pyjabber and the one name that its other modules take from it. Ours do that work: its presence
never awaits its own coroutine, its login hangs on an unknown name, its plug-ins make folders on import."""


def prepare() -> None:
    """Put empty stand-ins in the place of pyjabber's replaced modules; only in the server's own process.

    Raises:
        ConfigurationError: pyjabber is not installed.
    """
    # pyjabber's own __init__ imports SQLAlchemy, Alembic and aiohttp, so the package object is ours.
    found = importlib.util.find_spec("pyjabber")
    if found is None or found.submodule_search_locations is None:
        raise ConfigurationError("embedded server", "", "the package pyjabber is not installed")
    package = types.ModuleType("pyjabber")
    package.__path__ = list(found.submodule_search_locations)
    sys.modules.setdefault("pyjabber", package)
    for name, attribute in _REPLACED.items():
        module = types.ModuleType(name)
        setattr(module, attribute, type(attribute, (), {}))
        sys.modules.setdefault(name, module)
