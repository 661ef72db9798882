"""What we do in slixmpp's place for speed: the same bytes, keys and trust as its own ways give."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from slixmpp.util.sasl.client import MECHANISMS
from slixmpp.util.sasl.mechanisms import SCRAM
from slixmpp.xmlstream.tostring import tostring
from spade.message import Message

from agents.connection import Client, OpensslScram, stretch_by_openssl
from ejabberd.authority import Authority
from vedette.tls import tls_context


@pytest.fixture
async def client(tmp_path: Path) -> Client:
    """A client that is not connected."""
    Authority(tmp_path).server("localhost")
    return Client(jid="a@localhost", password="secret-password", context=tls_context(tmp_path / "ca.pem"))


@pytest.mark.parametrize(
    "text",
    [
        """{"quotes": "'", "signs": "<body /> & <body> ]]> &amp;"}""",
        "naïve Ünïcödé ☃ 😀\n\ttabs",
        "YmFzZTY0",
    ],
)
async def test_long_texts_are_written_as_slixmpp_writes_them(client: Client, text: str) -> None:
    message = Message(to="b@localhost", body=text * 200, metadata={"short": text, "long": text[::-1] * 300})
    message.sender = "a@localhost"
    stanza = message.prepare(client)
    expected = tostring(stanza.xml, xmlns=client.default_ns, stream=client, top_level=True)
    assert client._as_text(stanza) == expected
    assert stanza["body"] == text * 200, "XEP-0198 keeps the stanza: it must stay whole"


async def test_short_stanzas_stay_as_they_are(client: Client) -> None:
    for stanza in (client.Presence(), client.Iq(), client.Message(), client.make_message("b@localhost", "short")):
        assert client._as_text(stanza) is stanza


@pytest.mark.parametrize("digest", [hashlib.sha1, hashlib.sha256, hashlib.sha512])
@pytest.mark.parametrize("password", ["x", "pässwörd ☃", "long" * 100])
def test_stretching_gives_the_key_of_rfc_5802(digest: Callable[[], Any], password: str) -> None:
    ours, theirs = OpensslScram.__new__(OpensslScram), SCRAM.__new__(SCRAM)
    ours.hash = theirs.hash = digest
    salt = os.urandom(16)
    assert ours.Hi(password, salt, 64) == ours.Hi(password.encode(), salt, 64) == theirs.Hi(password, salt, 64)


def test_every_scram_of_slixmpp_is_stretched_by_openssl() -> None:
    stretch_by_openssl()
    stretch_by_openssl()
    scrams = [mechanism for name, mechanism in MECHANISMS.items() if name.startswith("SCRAM")]
    assert len(scrams) > 1
    assert set(scrams) == {OpensslScram}


def test_agents_share_a_context_until_the_ca_file_changes(tmp_path: Path) -> None:
    Authority(tmp_path).server("localhost")
    file = tmp_path / "ca.pem"
    first = tls_context(file)
    assert tls_context(file) is first
    os.utime(file, ns=(1, 1))
    assert tls_context(file) is not first


async def test_a_client_trusts_no_other_roots_than_it_is_given(client: Client) -> None:
    assert len(client.ssl_context.get_ca_certs()) == 1
