"""What `hosts.yml` says, in lines for a person."""

from __future__ import annotations

from collections.abc import Sequence

from vedette.configuration.fleet import EMBEDDED
from vedette.configuration.hosts import Hosts


def host_lines(hosts: Hosts) -> list[str]:
    """Return what each host runs, and what is worth a word."""
    lines = [f"{hosts.file.name}: good, for {hosts.paths.file.name}"]
    lines += [
        f"{name} runs {', '.join(section.described()) or 'nothing'}"
        for name, section in hosts.configuration.hosts.items()
    ]
    lines += on_no_host(hosts.missing())
    if hosts.fleet.xmpp.server == EMBEDDED and len(hosts.configuration.hosts) > 1:
        lines.append("the embedded XMPP server listens on its own machine only; other machines need an ejabberd")
    return lines


def on_no_host(missing: Sequence[str]) -> list[str]:
    """Return what the fleet has and no host runs."""
    return [f"no host runs {what}" for what in missing]
