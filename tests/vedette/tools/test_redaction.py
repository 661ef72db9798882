"""Secrets on a command line are hidden, and only they."""

from __future__ import annotations

import pytest

from vedette.tools.redaction import Redaction


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["nmap", "-p", "443", "a.example"], ["nmap", "-p", "443", "a.example"]),
        (["x", "--password", "hunter2"], ["x", "--password", "***"]),
        (["x", "--api-key=abc", "token=abc"], ["x", "--api-key=***", "token=***"]),
        (["curl", "-u", "me:pw", "https://me:pw@h/x"], ["curl", "-u", "me:***", "https://***@h/x"]),
        (["curl", "-H", "Authorization: Bearer abc"], ["curl", "-H", "Authorization: ***"]),
        (
            ["curl", "-H", "X-Auth-Token: abc", "-H", "Accept: a"],
            ["curl", "-H", "X-Auth-Token: ***", "-H", "Accept: a"],
        ),
        (["x", "agentsecret"], ["x", "***"]),
        (["x", "a-agentsecret-b"], ["x", "a-***-b"]),
        (["x", "--keys", "443"], ["x", "--keys", "443"]),
        (["mail", "user@host"], ["mail", "user@host"]),
    ],
)
def test_commands(argv: list[str], shown: list[str]) -> None:
    assert list(Redaction(known=["agentsecret", ""]).command(argv)) == shown


def test_short_secrets_hide_whole_words_only() -> None:
    redaction = Redaction(known=["443"])
    assert redaction.command(["x", "443", "1443"]) == ("x", "***", "1443")
    assert redaction.text("port 1443") == "port 1443"
