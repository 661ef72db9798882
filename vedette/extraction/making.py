"""What a mapping can make, by name: the methods of `Building`, each with how many texts its name is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vedette.extraction.building import Building
from vedette.extraction.drafting import Given
from vedette.extraction.subgraph import Position

Maker = Callable[[Building, list[str], Position, dict[str, Given]], str]
"""Makes a vertex of texts and properties; returns its id, or an empty one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Make:
    """One kind of thing."""

    least: int = 1
    """Texts that must not be empty; the first ones."""
    most: int = 1
    """Texts that it takes at most."""
    make: Maker


def _one(method: Callable[..., str]) -> Make:
    return Make(make=lambda to, of, at, said: method(to, of[0], at, **said))


def _product(to: Building, of: list[str], at: Position, said: dict[str, Given]) -> str:
    version = {"version": of[1]} if len(of) > 1 else {}
    return to.product(of[0], at, **(said | version))


MAKES: dict[str, Make] = {
    "account": _one(Building.account),
    "address-range": Make(
        most=2,
        make=lambda to, of, at, said: to.address_range(of[0], of[1] if len(of) > 1 else "", at, **said),
    ),
    "autonomous-system": _one(Building.autonomous_system),
    "cpe": _one(Building.cpe),
    "dns-record": Make(least=2, most=2, make=lambda to, of, at, said: to.dns_record(of[0], of[1], at, **said)),
    "domain": _one(Building.domain),
    "email": _one(Building.email),
    "exploit": _one(Building.exploit),
    "file": _one(Building.file),
    "flow": Make(least=4, most=4, make=lambda to, of, at, said: to.flow((of[0], of[1]), (of[2], of[3]), at, **said)),
    "host-at": _one(Building.host_at),
    "hostname": _one(Building.hostname),
    "http-session": _one(Building.http_session),
    "ip": _one(Building.ip),
    "malware": _one(Building.malware),
    "organization": _one(Building.organization),
    "port": _one(Building.port),
    "process": _one(Building.process),
    "product": Make(most=2, make=_product),
    "socket": Make(least=2, most=2, make=lambda to, of, at, said: to.socket(of[0], of[1], at, **said)),
    "uri": _one(Building.uri),
    "vulnerability": _one(Building.vulnerability),
    "weakness": _one(Building.weakness),
}
