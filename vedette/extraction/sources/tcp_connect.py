"""`tcp-connect`: which ports of a host accept connections, and what they say first."""

from __future__ import annotations

import re

from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.records import Record
from vedette.extraction.sources.forms import FormExtractor, place_target
from vedette.extraction.subgraph import Position

_STATES = {"open": "open", "refused": "closed", "timed out": "filtered"}
"""nmap's words for what became of a connection; one that failed on our side says nothing of the port."""

_SSH = re.compile(r"SSH-[0-9.]{1,8}-(?P<product>[A-Za-z]{1,60})[_-](?P<version>[0-9][\w.]{0,60})")


class TcpConnect(FormExtractor):
    """Reads which ports are open."""

    name = "tcp-connect"
    summary = "Our probe tcp-connect: ports of a host, open or not, and their banners"

    def state(self, building: Building, form: Record) -> None:
        """State the ports that were tried."""
        target = form.text("target")
        for address in form.texts("addresses"):
            place_target(building, target, address)
        for index, port in enumerate(form.records("ports")):
            state, address = _STATES.get(port.text("state")), port.text("address")
            if state is None or not address:
                continue
            position = Position(f"ports[{index}]")
            banner = port.text("banner")
            socket = building.socket(
                address, port.text("port"), position, tcpState=state, banner=[banner] if banner else None
            )
            place_target(building, target, address, position)
            building.edge(socket, _server(building, banner, position), SUB_OBSERVABLE, position)


def _server(building: Building, banner: str, position: Position) -> str:
    """Return the program that names itself as RFC 4253, section 4.2, has it; empty where none does."""
    found = _SSH.match(banner)
    return building.product(found["product"], position, version=found["version"]) if found else ""
