"""Where the hub's API is: chosen once, kept, and told to every agent at its enrolment."""

from __future__ import annotations

import ipaddress
import json

from vedette.cli.ports import free_port, is_free
from vedette.configuration.api import ApiSection
from vedette.configuration.fleet import FleetConfiguration, FleetPaths
from vedette.errors import ConfigurationError


def choose_api_port(configuration: FleetConfiguration, paths: FleetPaths) -> int:
    """Return the port for the hub's API and keep it: the configured one, that of the last time, or a free one.

    Raises:
        ConfigurationError: it cannot be kept.
    """
    port = configuration.api.port or _last_port(paths)
    if not configuration.api.port and not (port and is_free(port)):
        port = free_port()
    file = paths.run / "api.json"
    try:
        file.write_text(json.dumps({"port": port}))
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be written: {error.strerror}") from error
    return port


def api_url(configuration: FleetConfiguration, paths: FleetPaths) -> str | None:
    """Return the address that agents use, None where it is not known before the fleet's first start."""
    section = configuration.api
    if section.url is not None:
        return section.url.rstrip("/")
    port = section.port or _last_port(paths)
    scheme = "https" if section.certificate is not None else "http"
    return f"{scheme}://{_reachable(section)}:{port}" if port else None


def _last_port(paths: FleetPaths) -> int:
    try:
        return int(json.loads((paths.run / "api.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _reachable(section: ApiSection) -> str:
    """Return the host as it stands in a URL; all addresses means this machine here."""
    try:
        address = ipaddress.ip_address(section.host)
    except ValueError:
        return section.host
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"[{address}]" if address.version == 6 else str(address)
