"""Sources of hosts: connections, logins, packages, services, messages; Stucco's cases and our collectors' forms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.vedette.extraction.stucco_cases import Case, needs_cases, score
from vedette.collection.collectors import connections
from vedette.collection.syslog import parse_message
from vedette.extraction.interface import Document, ExtractionError, Extractor
from vedette.extraction.sources.hosts import Hone, LoginEvents, Syslog
from vedette.extraction.sources.inventory import InstalledPackage, ServiceList
from vedette.extraction.subgraph import Subgraph
from vedette.tools.packages import PackagesForm

ASSERTED: dict[str, type[Extractor]] = {
    "HoneExtractorTest": Hone,
    "LoginEventExtractorTest": LoginEvents,
    "PackageListExtractorTest": InstalledPackage,
    "ServiceListExtractorTest": ServiceList,
    "scala_HoneExtractorSuite": Hone,
    # Not found: `host at ADDRESS` as a description; later cases have `host_at_ADDRESS`.
    "scala_LoginEventExtractorSuite": LoginEvents,
    "scala_PackageListExtractorSuite": InstalledPackage,
    "scala_ServiceListExtractorSuite": ServiceList,
}


@needs_cases()
@pytest.mark.parametrize("suite", ASSERTED)
def test_what_stucco_asserts_is_found(suite: str) -> None:
    def extract(case: Case) -> Subgraph:
        inputs = dict(case.inputs)
        # The older suite gives the host's name to all documents, and not among the inputs.
        host = inputs.pop("hostname", "Mary" if suite.startswith("scala_") else "")
        return ASSERTED[suite]().extract(
            Document(content=next(iter(inputs.values())).encode(), meta={"hostname": host})
        )

    found = score(suite, extract)

    assert found.share >= 0.95, found
    assert found.asserted


def stated(subgraph: Subgraph) -> set[tuple[str, str]]:
    """Return the relations by the names of their ends."""
    names = {id: vertex.name for id, vertex in subgraph.vertices.items()}
    return {(names[edge.out_id], names[edge.in_id]) for edge in subgraph.edges}


def of_json(extractor: Extractor, *values: Any, **meta: str) -> Subgraph:
    """Return what JSON objects, a line each, state."""
    content = b"".join(json.dumps(value).encode() + b"\n" for value in values)
    return extractor.extract(Document(content=content, meta={"hostname": "web1", **meta}))


def test_a_collected_connection_says_who_speaks_to_whom() -> None:
    row = b"root,0,7,1,/usr/sbin/sshd,sshd: x,ab12,1371797596390,22,5000,6,2001:db8::1,2001:db8::2,,\n"
    meta = {"columns": list(connections.COLUMNS), "agent": "web1@example.org"}

    subgraph = Hone().extract(Document(content=row, meta=meta))

    host, software, flow = (
        "web1@example.org",
        "cpe:::/usr/sbin/sshd::::",
        "[2001:db8::1]:22_through_[2001:db8::2]:5000",
    )
    assert stated(subgraph) >= {
        *((host, software), (host, "[2001:db8::1]:22"), (software, flow), (software, f"{host}:0")),
        *((flow, "[2001:db8::1]:22"), (flow, "[2001:db8::2]:5000")),
    }
    account = next(vertex for vertex in subgraph.vertices.values() if vertex.observable_type == "User Account")
    assert account.properties["userName"] == "root"


def test_collected_logins_say_who_came_from_where() -> None:
    subgraph = of_json(
        LoginEvents(),
        {"kind": "login", "at": 1, "user": "ann", "host": "10.0.0.9", "address": "10.0.0.9", "pid": 4},
        {"kind": "login", "at": 2, "user": "bob", "host": "desk.example.org"},
        {"kind": "logout", "at": 3, "line": "pts/0"},
        {"kind": "boot", "at": 3, "user": "reboot"},
        {"kind": "waiting for login", "at": 3, "user": "LOGIN"},
    )

    assert stated(subgraph) == {
        *(("ann", "web1"), ("ann", "host_at_10.0.0.9"), ("host_at_10.0.0.9", "10.0.0.9")),
        *(("bob", "web1"), ("bob", "desk.example.org")),
    }
    assert not subgraph.skipped


def test_a_login_from_a_name_is_kept() -> None:
    row = b"Sep 24 15:11:03,web1,sshd,Failed,ann,desk.example.org\n"

    subgraph = LoginEvents().extract(Document(content=row))

    assert ("ann", "desk.example.org") in stated(subgraph)
    assert [edge.properties["status"] for edge in subgraph.edges if edge.properties] == [("Failed",), ("Failed",)]


LISTS: list[dict[str, Any]] = [
    {"form": "packages/1", "list": {"dpkg": {"bash": "5.2"}, "pip": {"httpx": "0.27"}}, "sha256": "00"},
    PackagesForm(target="x", dpkg={"bash": "5.2"}, python={"httpx": "0.27"}).model_dump(mode="json"),
    {
        "form": "packages-changes/1",
        "changes": {
            "dpkg": {"changed": {"bash": ["5.1", "5.2"]}, "removed": {"old": "1"}},
            "pip": {"added": {"httpx": "0.27"}},
        },
    },
]


@pytest.mark.parametrize("said", LISTS, ids=["list", "probe", "changes"])
def test_our_lists_of_packages_say_what_is_installed_now(said: dict[str, Any]) -> None:
    subgraph = of_json(InstalledPackage(), said)

    assert stated(subgraph) == {("web1", "cpe:::bash:5.2:::"), ("web1", "cpe:::httpx:0.27:::")}
    bash = next(vertex for vertex in subgraph.vertices.values() if "bash" in vertex.name)
    assert bash.properties["packageManager"] == ("dpkg",)
    assert str(bash.position) == "dpkg bash"


def test_our_lists_of_services_say_who_listens_where() -> None:
    listening = {"tcp [::]:22": "sshd", "udp 127.0.0.1:53": "", "tcp nowhere": "x"}

    subgraph = of_json(ServiceList(), {"list": {"listening": listening, "units": {"ssh.service": "active running"}}})

    assert stated(subgraph) >= {
        *(("web1", "[::]:22"), ("web1", "sshd"), ("[::]:22", "sshd"), ("web1", "127.0.0.1:53")),
        *(("web1", "ssh.service"), ("[::]:22", "22")),
    }
    assert subgraph.skipped


@pytest.mark.parametrize("extractor", [InstalledPackage(), ServiceList()])
@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"a": 1}', b'{"list": 7}', b"[" * 5000])
def test_json_of_another_kind_is_refused_with_a_reason(extractor: Extractor, content: bytes) -> None:
    with pytest.raises(ExtractionError, match=r"^it is no "):
        extractor.extract(Document(content=content))


def test_entries_of_another_kind_are_said() -> None:
    subgraph = of_json(InstalledPackage(), {"list": {"dpkg": {"bash": 5, "sh": "1"}, "rpm": []}})

    assert {(one.position.label, one.reason) for one in subgraph.problems} == {
        ("dpkg bash", "is no text"),
        ("rpm", "is no object of names"),
    }
    assert stated(subgraph) == {("web1", "cpe:::sh:1:::")}


def test_a_range_of_ports_is_no_port() -> None:
    table = (
        b"Service Name,Port Number,Transport Protocol,Description\nx11,6000-6063,tcp,X\nssh,22,tcp,\nssh,22,udp,\n"
    )

    subgraph = ServiceList().extract(Document(content=table))

    assert stated(subgraph) == {("22", "ssh")}
    assert {vertex.name for vertex in subgraph.vertices.values()} == {"x11", "ssh", "22"}
    ssh = next(vertex for vertex in subgraph.vertices.values() if vertex.name == "ssh")
    assert ssh.properties["protocol"] == ("tcp", "udp")


def test_messages_say_which_program_is_where() -> None:
    messages = (b"<34>1 2026-11-22T10:00:00Z db1 postgres 7 - - ready", b"<34>Oct 11 22:14:15 web1 su: failed")

    subgraph = of_json(
        Syslog(), *({"received_at": 1, "from": "udp 10.0.0.1 5", **parse_message(one)} for one in messages)
    )

    assert stated(subgraph) == {("db1", "postgres"), ("web1", "su")}
