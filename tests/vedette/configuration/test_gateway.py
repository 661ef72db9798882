"""What a gateway's configuration refuses before anything is sent anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from vedette.configuration.gateway import GatewaySection, is_gateway_file, load_gateway
from vedette.errors import ConfigurationError
from vedette.gateway.broker import BrokerAccess


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"url": "http://x/"}, "must be 'amqps://"),
        ({"url": "amqps://user:secret@x/"}, "put them into credentials_file"),
        ({"url": "amqps://x/?heartbeat=0"}, "must be 'amqps://"),
        ({"url": "amqp://rabbit.example/"}, "only on this machine"),
        ({"url": "amqp://127.0.0.1.example/"}, "only on this machine"),
        ({"patterns": []}, "would do nothing"),
        ({"patterns": ["a.b*"]}, "whole words only"),
        ({"sealed": [".."]}, "empty word"),
        ({"outwards": {"patterns": []}}, "at least 1"),
        ({"exchange": ""}, "at least 1"),
        ({"prefetch": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason) as caught:
        GatewaySection.model_validate({"name": "g"} | fields)
    assert "secret" not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize("url", ["amqp://localhost/", "amqp://[::1]:5673/", "amqps://rabbit.example/vhost"])
def test_this_machine_or_tls(url: str) -> None:
    assert GatewaySection(name="g", url=url).url == url
    assert GatewaySection(name="g", url="amqp://rabbit.example/", plain_text=True).plain_text


def test_a_gateway_s_file_is_told_from_others(tmp_path: Path) -> None:
    file = tmp_path / "g.yml"
    file.write_text("{name: g, url: 'amqp://localhost/'}")
    assert is_gateway_file(file)
    assert load_gateway(file).queue == "vedette"
    for text in ("{name: r, graph: 'sqlite:///g.db'}", "{name: c, sources: s.yml}", "{data: var}"):
        file.write_text(text)
        assert not is_gateway_file(file)


def test_the_account_s_file_is_the_owner_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "account"
    access = BrokerAccess(url="amqps://x/", credentials_file=file, ca_file=None)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        access.account()
    file.write_text("user:pass:word\n")
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        access.account()
    file.chmod(0o600)
    assert access.account() == ("user", "pass:word")
    for text in ("", "user", ":x", "a:b\nc:d"):
        file.write_text(text)
        with pytest.raises(ConfigurationError, match="one line"):
            access.account()
