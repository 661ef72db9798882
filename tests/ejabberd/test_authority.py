"""The private CA: what it signs verifies, is renewed in time, and its keys are nobody else's to read."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from ejabberd.authority import XMPP_ADDRESS, Authority
from vedette.clock import ManualClock
from vedette.errors import ConfigurationError

DAY = 86_400


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_openssl_accepts_the_server_certificate_for_each_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _ = authority.server("xmpp.example", names=["localhost", "127.0.0.1", "::1"])
    for option, name in (
        ("-verify_hostname", "xmpp.example"),
        ("-verify_hostname", "localhost"),
        ("-verify_ip", "::1"),
    ):
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", option, name]
        command += ["-CAfile", str(authority.ca_file), str(certificate)]
        assert subprocess.run(command, capture_output=True, check=True).stdout.endswith(b": OK\n")
    wrong = [
        "openssl",
        "verify",
        "-verify_hostname",
        "other.example",
        "-CAfile",
        str(authority.ca_file),
        str(certificate),
    ]
    assert subprocess.run(wrong, capture_output=True).returncode != 0


def test_keys_are_private_and_nothing_is_made_twice(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "deep" / "folder")
    first = [path.read_bytes() for path in authority.server("localhost")]
    again = [path.read_bytes() for path in Authority(tmp_path / "deep" / "folder").server("localhost")]
    assert first == again
    for key in (tmp_path / "deep" / "folder").glob("*.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(list((tmp_path / "deep" / "folder").iterdir())) == 4


def test_a_certificate_is_renewed_in_its_last_thirty_days(tmp_path: Path) -> None:
    clock = ManualClock()
    authority = Authority(tmp_path, clock=clock)
    certificate, _ = authority.server("localhost")
    first, root = _certificate(certificate), _certificate(authority.ca_file)
    clock.advance(360 * DAY)
    authority.server("localhost")
    assert _certificate(certificate) == first
    clock.advance(10 * DAY)
    authority.server("localhost")
    assert _certificate(certificate) != first
    assert _certificate(authority.ca_file) == root


def test_a_new_authority_signs_everything_anew(tmp_path: Path) -> None:
    clock = ManualClock()
    authority = Authority(tmp_path, clock=clock)
    authority.server("localhost")
    root = _certificate(authority.ca_file)
    clock.advance(3640 * DAY)
    certificate, _ = authority.server("localhost")
    assert _certificate(authority.ca_file) != root
    _certificate(certificate).verify_directly_issued_by(_certificate(authority.ca_file))


def test_another_name_makes_another_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _ = authority.server("localhost")
    first = _certificate(certificate)
    authority.server("localhost", names=["xmpp.example"])
    assert _certificate(certificate) != first


def test_a_lost_key_is_replaced_with_its_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.server("localhost")
    first = _certificate(certificate)
    key.unlink()
    authority.server("localhost")
    assert _certificate(certificate) != first


def test_a_client_certificate_names_its_jid(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).client("probe1@xmpp.example")
    names = _certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.OtherName(XMPP_ADDRESS, b"\x0c\x13probe1@xmpp.example")]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize("jid", ["../x@y", "x", "a@b@c", ".x@y", f"{'a' * 130}@b"])
def test_a_client_that_is_no_jid_is_refused(tmp_path: Path, jid: str) -> None:
    with pytest.raises(ConfigurationError):
        Authority(tmp_path).client(jid)


@pytest.mark.parametrize("damage", ["ca.pem", "ca.key", "server.pem", "server.key"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    Authority(tmp_path).server("localhost")
    (tmp_path / damage).write_text("nonsense")
    with pytest.raises(ConfigurationError, match=damage):
        Authority(tmp_path).server("localhost")


def test_a_host_that_is_no_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a host name"):
        Authority(tmp_path).server("a" * 70)
