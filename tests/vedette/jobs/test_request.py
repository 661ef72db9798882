"""From a request to the exact command lines, and the check again where a run starts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vedette.clock import SystemClock
from vedette.errors import RefusedError
from vedette.jobs.request import JobRequest, Plan, Work, check_scope, check_work, plan
from vedette.jobs.scope import OutOfScopeError, ScopeJudge, ScopePolicy
from vedette.jobs.targets import MAX_TARGETS, expand, host_of
from vedette.tools.catalogue import Catalogue

POLICY = ScopePolicy(
    tools=["dns", "http-headers", "nmap", "packages", "tcp-connect", "tls-certificate"],
    nmap_scripts=["ssl-cert"],
    commands={"ping": ["ping", "-c", "1", "--", "{target}"]},
)


def planned(tool: str, *targets: str, policy: ScopePolicy = POLICY, **more: Any) -> Plan:
    request = JobRequest(tool=tool, targets=list(targets), **more)
    return plan(request, policy=policy, catalogue=Catalogue(), clock=SystemClock())


def test_the_command_lines_are_exact() -> None:
    assert planned("ping", "127.0.0.1").commands == (("ping", "-c", "1", "--", "127.0.0.1"),)
    nmap = planned("nmap", "127.0.0.1", arguments={"ports": "22,80", "connect": True, "scripts": ["ssl-cert"]})
    assert nmap.commands == (("nmap", "-oX", "-", "-sT", "-p", "22,80", "--script", "ssl-cert", "--", "127.0.0.1"),)
    dns = planned("dns", "localhost", arguments={"types": ["A", "MX"]})
    assert dns.commands == (("vedette:dns", "--types", "A,MX", "localhost"),)
    assert dns.words == ("vedette:dns", "--types=A,MX")


@pytest.mark.parametrize(
    ("tool", "target", "arguments"),
    [
        ("sh", "127.0.0.1", {}),
        ("vedette:dns", "127.0.0.1", {}),
        ("/bin/sh", "127.0.0.1", {}),
        ("dns", "127.0.0.1", {"unknown": 1}),
        ("tcp-connect", "127.0.0.1", {}),
        ("tcp-connect", "127.0.0.1", {"ports": [0]}),
        ("ping", "127.0.0.1", {"count": 5}),
        ("ping", "-f", {}),
        ("ping", "--flood", {}),
        ("ping", "127.0.0.1 127.0.0.2", {}),
        ("ping", "127.0.0.1\n", {}),
        ("ping", "127.0.0.1\u202e", {}),
        ("ping", "", {}),
        ("ping", "127.0.0.1/99", {}),
        ("nmap", "127.0.0.1", {"ports": "22 --script x"}),
        ("nmap", "127.0.0.1", {"scripts": ["broadcast-ping"]}),
        ("packages", "localhost", {"dpkg_status": "/etc/shadow"}),
        ("tls-certificate", "localhost", {"ca": "/etc/passwd"}),
        ("http-headers", "http://user:secret@localhost/", {}),
        ("http-headers", "file:///etc/passwd", {}),
        ("http-headers", "http://", {}),
    ],
)
def test_what_cannot_or_may_not_be_run_is_refused(tool: str, target: str, arguments: dict[str, Any]) -> None:
    if target.endswith("\n"):
        # Blanks around a target are nobody's intention; within it they are refused.
        assert planned(tool, target, arguments=arguments).targets == ("127.0.0.1",)
        return
    with pytest.raises(RefusedError):
        planned(tool, target, arguments=arguments)


def test_networks_become_addresses_within_a_bound() -> None:
    assert expand(["192.0.2.0/30", "192.0.2.1", "www.example"]) == ("192.0.2.1", "192.0.2.2", "www.example")
    assert expand(["192.0.2.9/32"]) == ("192.0.2.9",)
    assert len(expand(["10.0.0.0/20"])) == MAX_TARGETS - 2
    for texts in (["10.0.0.0/8"], ["::/0"], ["10.0.0.0/20", "10.1.0.0/29"], []):
        with pytest.raises(RefusedError):
            expand(texts)


def test_the_host_of_a_target_is_the_one_that_is_asked() -> None:
    assert host_of("http://www.example:8080/x@127.0.0.1") == "www.example"
    assert host_of("https://[::1]:443/") == "::1"
    assert host_of("www.example:443") == "www.example"
    assert host_of("2001:db8::1") == "2001:db8::1"
    for target in ("http://good.example\\@evil.example/", "http://good.example@evil.example/", "http://[::1/"):
        with pytest.raises(RefusedError):
            host_of(target)


@pytest.mark.parametrize(
    "target",
    [
        # nmap reads it as 177.0.0.1, the system's resolver as 127.0.0.1.
        "0177.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0X7F000001",
        "127.0.0.1.",
        "127.0.0.1.:80",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020.0.1",
        "bücher.example",
        "http://0177.0.0.1/",
        "http://[::1]evil.example/",
        "http://localhost:99999/",
        "gopher://0177.0.0.1/",
    ],
    ids=ascii,
)
def test_what_two_programs_could_read_differently_is_no_target(target: str) -> None:
    with pytest.raises(RefusedError):
        planned("nmap", target)


def test_the_host_of_a_url_is_the_one_that_the_client_asks() -> None:
    # Python's own resolver would look for fass.example.
    assert host_of("http://faß.example/") == "xn--fa-hia.example"
    assert host_of("http://LOCALHOST./") == "localhost"


async def test_the_name_server_must_be_in_scope_too() -> None:
    made = planned("dns", "localhost", arguments={"nameserver": "192.0.2.53"})
    with pytest.raises(OutOfScopeError, match=r"192\.0\.2\.53"):
        await check_scope(made.targets, words=made.words, judge=ScopeJudge.here(POLICY))


async def test_what_is_assigned_is_judged_again_where_it_runs() -> None:
    work = Work(tool="ping", words=tuple(POLICY.commands["ping"]), target="127.0.0.1", time_limit=5)
    here, catalogue = ScopeJudge.here(POLICY), Catalogue()
    await check_work(work, judge=here, catalogue=catalogue)
    tool = Work(tool="tcp-connect", words=("vedette:tcp-connect", "--ports=22"), target="127.0.0.1", time_limit=5)
    await check_work(tool, judge=here, catalogue=catalogue)
    wrong = [
        replace(work, words=("sh", "-c", "{target}")),
        replace(work, target="192.0.2.1"),
        replace(work, target="127.0.0.0/30"),
        replace(work, tool="rm"),
        replace(tool, words=("sh", "-c", "true")),
        replace(tool, words=("vedette:packages",)),
        replace(tool, words=("vedette:tcp-connect",)),
        replace(tool, words=("vedette:tcp-connect", "--unknown=1")),
        Work(tool="packages", words=("vedette:packages", "--dpkg-status=/x"), target="localhost", time_limit=5),
        Work(tool="nmap", words=("vedette:nmap", "--scripts=broadcast-ping"), target="127.0.0.1", time_limit=5),
        Work(tool="dns", words=("vedette:dns", "--nameserver=192.0.2.53"), target="localhost", time_limit=5),
        Work(tool="dns", words=("vedette:dns", "--nameserver", "192.0.2.53"), target="localhost", time_limit=5),
        Work(tool="dns", words=("vedette:dns", "nameserver=192.0.2.53"), target="localhost", time_limit=5),
        replace(tool, target="0177.0.0.1"),
    ]
    for one in wrong:
        with pytest.raises(RefusedError):
            await check_work(one, judge=here, catalogue=catalogue)
