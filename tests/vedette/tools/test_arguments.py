"""Words of a configuration as typed arguments."""

from __future__ import annotations

import pytest

from vedette.errors import ConfigurationError
from vedette.tools.arguments import parse_arguments
from vedette.tools.dns import DnsArguments
from vedette.tools.interface import command_line
from vedette.tools.tcp_connect import TcpConnectArguments
from vedette.tools.tls_certificate import TlsCertificateArguments


@pytest.mark.parametrize(
    "words",
    [
        ["--ports", "22,443", "--banner", "--connect-time", "2"],
        ["ports=22,443", "banner=true", "connect_time=2"],
        ["--port=22", "--port", "443", "--banner", "yes", "--connect_time=2.0"],
        ["--banner", "--port", "22", "--ports", "443", "--connect-time=2"],
    ],
)
def test_every_way_to_write_them(words: list[str]) -> None:
    arguments = parse_arguments(words, TcpConnectArguments, place="f")
    assert arguments == TcpConnectArguments(ports=(22, 443), banner=True, connect_time=2)
    shown = command_line("tcp-connect", arguments, "h")
    assert shown == ("vedette:tcp-connect", "--ports", "22,443", "--connect-time", "2.0", "--banner", "true", "h")


def test_what_is_shown_can_be_read_again() -> None:
    given = TlsCertificateArguments(port=5222, starttls="xmpp", server_name="a.example")
    shown = command_line("tls-certificate", given, "")
    assert parse_arguments(shown[1:], TlsCertificateArguments, place="f") == given


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["443"], "'443' is neither '--name value' nor 'name=value'"),
        (["--prt", "443"], "unknown argument 'prt'; did you mean 'port'?"),
        (["--port"], "--port needs a value"),
        (["--port", "70000"], "ports.0: must be less than or equal to 65535"),
        (["--port", "http"], "ports.0: must be a valid integer, unable to parse string as an integer, not 'http'"),
        (["--connect-time", "1", "--connect-time", "2", "--port", "1"], "--connect-time is given 2 times"),
        ([], "ports: is required"),
        (["--port", ""], "ports: "),
        (["--port", "1", "--banner", "maybe"], "banner: must be a valid boolean"),
    ],
)
def test_wrong_ones_are_named(words: list[str], reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_arguments(words, TcpConnectArguments, place="probe.json")
    assert caught.value.place == "probe.json"
    assert caught.value.key == "args"
    assert reason in caught.value.reason.replace("port.0", "ports.0")


@pytest.mark.parametrize("words", [["--type", "NOPE"], ["--type", "ANY"], ["--nameserver", "dns.example"]])
def test_dns_arguments_are_checked(words: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        parse_arguments(words, DnsArguments, place="f")
