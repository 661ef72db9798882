"""The audit log names who the system says acts, not who the environment says."""

from __future__ import annotations

import os
import pwd

import pytest

from vedette.cli.actor import command_line_actor


@pytest.mark.parametrize("name", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_the_environment_cannot_name_somebody_else(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "somebody-else")
    actor = command_line_actor()
    assert actor.who == f"command line {pwd.getpwuid(os.getuid()).pw_name}"
    assert actor.origin == "command line"


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = 1_999_999_999
    with pytest.raises(KeyError):
        pwd.getpwuid(nobody)
    monkeypatch.setattr(os, "getuid", lambda: nobody)
    assert command_line_actor().who == f"command line {nobody}"
