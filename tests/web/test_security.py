"""Who may ask: addresses and known names, because a rebound name is a foreign one."""

from __future__ import annotations

import pytest

from web.security import CONTENT_SECURITY_POLICY, SECURITY_HEADERS, host_is_ours


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:10000",
        "localhost",
        "LOCALHOST:9",
        "localhost.:80",
        "[::1]:10000",
        "[::1]",
        "192.0.2.7:80",
    ],
)
def test_addresses_and_localhost_are_ours(host: str) -> None:
    assert host_is_ours(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        ":80",
        "attacker.example",
        "attacker.example:10000",
        "127.0.0.1.attacker.example",
        "localhost.attacker.example",
        "127.0.0.1@attacker.example",
        "attacker.example#127.0.0.1",
        "attacker.example/127.0.0.1",
        "127.0.0.1:port",
        "127.0.0.1:99999",
        "[::1",
        "2130706433",
        "0x7f.1",
        "127.0.0.1, attacker.example",
        "127.0.0.1 attacker.example",
    ],
)
def test_foreign_names_and_malformed_hosts_are_not(host: str | None) -> None:
    assert not host_is_ours(host, names=["agent.example"])


def test_a_configured_name_is_ours() -> None:
    assert host_is_ours("Agent.example:8443", names=["agent.EXAMPLE"])


def test_the_policy_allows_our_own_files_and_nothing_else() -> None:
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert SECURITY_HEADERS["Cache-Control"] == "no-store"
