"""A fixed history of 200 items over five checks of three agents, and exactly what is told of it."""

from __future__ import annotations

from typing import Any

from tests.vedette.correlation.looks import look, ports
from vedette.correlation.history import Look
from vedette.correlation.memory import CheckKey, InMemory, correlate
from vedette.correlation.policy import CorrelationPolicy

Entry = tuple[float, CheckKey, Look]


def _ports() -> list[Entry]:
    """Two agents look at two ports every minute; SSH opens between minute 29 and 30 for both."""
    entries = []
    for minute in range(60):
        for agent, offset in (("a", 0.0), ("b", 30.0)):
            at = 60 * minute + offset
            state = "open" if minute >= 30 else "refused"
            entries.append((at, *look(agent, ports(p22=state, p443="open"), at=at)))
    return entries


def _certificates() -> list[Entry]:
    """A certificate counts its days down and is replaced before the eleventh look."""
    entries = []
    for number in range(20):
        serial = "0a" if number < 10 else "0b"
        certificate = {"sha256": serial * 32, "serial_number": serial, "days_left": 30 - number}
        form = {"protocol": "TLSv1.3", "days_left": 30 - number, "chain": [certificate]}
        at = 180 * number + 5
        entries.append((at, *look("a", form, at=at, format="tls-certificate/1")))
    return entries


def _names() -> list[Entry]:
    """An address goes to and fro from the eleventh look to the twentieth."""
    entries = []
    for number in range(40):
        address = "192.0.2.2" if 10 <= number < 20 and number % 2 == 0 else "192.0.2.1"
        answer = {"type": "A", "rcode": "NOERROR", "records": [{"name": "w", "ttl": number, "data": address}]}
        at = 90 * number + 7
        entries.append((at, *look("c", {"answers": [answer]}, at=at, format="dns/1")))
    return entries


def _packages() -> list[Entry]:
    """A package is upgraded before the seventh look, and another comes."""
    entries = []
    for number in range(10):
        dpkg = {"openssl": "3.0.1"} if number < 6 else {"openssl": "3.0.2", "zlib1g": "1.2"}
        at = 360 * number + 9
        entries.append((at, *look("c", {"dpkg": dpkg}, at=at, format="packages/1", target="localhost")))
    return entries


def _verdicts() -> list[Entry]:
    """A file's content deviates at the fifth and sixth look."""
    entries = []
    for number in range(10):
        bad = number in (4, 5)
        form: dict[str, Any] = {"lines": ["bad" if bad else "good"]}
        at = 360 * number + 11
        verdict = "deviates" if bad else "as expected"
        entries.append((at, *look("b", form, at=at, format="lines/1", target="/etc/motd", verdict=verdict)))
    return entries


TOLD = [
    # seconds, agent, kind, facts
    (0, "a", "first seen", []),
    (5, "a", "first seen", []),
    (7, "c", "first seen", []),
    (9, "c", "first seen", []),
    (11, "b", "first seen", []),
    (30, "b", "first seen", []),
    (907, "c", "changed", ["record A"]),
    (997, "c", "changed", ["record A"]),
    (1087, "c", "changed", ["record A"]),
    (1177, "c", "flapping", ["record A"]),
    (1451, "b", "changed", ["content sha256"]),
    (1451, "b", "deviates", []),
    (1800, "a", "changed", ["port tcp/22"]),
    (1805, "a", "changed", ["certificate 0 serial_number", "certificate 0 sha256"]),
    (1830, "b", "changed", ["port tcp/22"]),
    # Looks 10 to 19 flap; 19 was the last turn, the fifth look after it is 24.
    (2167, "c", "steady", []),
    (2169, "c", "changed", ["package dpkg/openssl", "package dpkg/zlib1g"]),
    (2171, "b", "changed", ["content sha256"]),
    (2171, "b", "as expected", []),
]


def test_exactly_this_is_told() -> None:
    entries = sorted([*_ports(), *_certificates(), *_names(), *_packages(), *_verdicts()], key=lambda entry: entry[0])
    assert len(entries) == 200
    memory, told = InMemory(), []
    for at, key, one in entries:
        for finding in correlate(memory, key, one, CorrelationPolicy()):
            facts = [change.fact for change in finding.changes]
            told.append((int(at), key.agent.partition("@")[0], finding.kind.value, facts))
    assert told == TOLD
