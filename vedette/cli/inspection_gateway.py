"""What a gateway's configuration would do, and whether the files that it names can be used."""

from __future__ import annotations

from pathlib import Path

from vedette.configuration.gateway import GatewaySection
from vedette.tls import tls_context


def inspect_gateway(section: GatewaySection, *, file: Path) -> None:
    """Check the files that a gateway's configuration names; the broker is not asked.

    Raises:
        ConfigurationError: names the file and the reason.
    """
    # Only now: every other file is checked without the broker's protocol.
    from vedette.gateway.broker import BrokerAccess

    access = BrokerAccess.of(section, folder=file.parent)
    access.account()
    if access.ca_file is not None:
        tls_context(access.ca_file)


def gateway_lines(section: GatewaySection) -> list[str]:
    """Return what a gateway would do, a line each."""
    lines = []
    if section.patterns:
        patterns = ", ".join(section.patterns)
        lines.append(
            f"{section.name} takes {patterns} from {section.exchange} at {section.url} for {section.up_agent},"
            f" by the queue {section.queue}; what it cannot take goes to {section.dead_exchange}"
        )
    out = section.outwards
    if out is not None:
        what = f"{', '.join(out.patterns)}{' and findings' if out.findings else ''}"
        lines.append(f"{section.name} publishes {what} to {out.exchange} at {section.url}")
    return lines
