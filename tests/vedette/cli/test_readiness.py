"""Telling systemd that a service is ready, over real sockets."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from vedette.cli.readiness import VARIABLE, is_service, tell_ready


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"@vedette-{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.setblocking(False)
        monkeypatch.setenv(VARIABLE, name)
        assert is_service()
        tell_ready()
        assert manager.recv(100) == b"READY=1"
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_without_a_manager_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert not is_service()
    tell_ready()


def test_a_manager_that_is_gone_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nobody"))
    tell_ready()
    assert "could not be told" in capsys.readouterr().out


def test_a_manager_that_does_not_read_holds_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "notify")
    monkeypatch.setenv(VARIABLE, place)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
    ):
        manager.bind(place)
        other.setblocking(False)
        with pytest.raises(BlockingIOError):  # noqa: PT012 - until its queue is full
            while True:
                other.sendto(b"STATUS=busy", place)
        tell_ready()
    assert "could not be told" in capsys.readouterr().out
