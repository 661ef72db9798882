"""What `vedette xmpp init` renders, without a server."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from ejabberd.configuration import initialise, load
from ejabberd.rendering import render_control, render_server
from ejabberd.settings import Layout, XmppSettings
from vedette.errors import ConfigurationError


def _rendered(**changes: Any) -> Any:
    settings = XmppSettings(domain="chat.example", api_port=1, node_port=2, **changes)
    layout = Layout(folder=Path("/srv/xmpp"))
    return yaml.safe_load(render_server(settings, layout, certificate=Path("/c.pem"), key=Path("/k.pem")))


def test_what_must_be_off_is_off() -> None:
    rendered = _rendered()
    assert "mod_register" not in rendered["modules"]
    assert rendered["s2s_access"] == "none"
    assert {entry["module"] for entry in rendered["listen"]} == {"ejabberd_c2s", "ejabberd_http"}
    assert rendered["shaper_rules"]["c2s_shaper"] == "none"
    assert rendered["modules"]["mod_stream_mgmt"]["resume_timeout"] == 0
    assert {"SCRAM-SHA-256-PLUS", "PLAIN"} <= set(rendered["disable_sasl_mechanisms"])


def test_administration_is_on_loopback_behind_a_secret_whatever_clients_reach() -> None:
    clients, administration = _rendered(listen="::")["listen"]
    assert clients["ip"] == "::"
    assert administration["ip"] == "127.0.0.1"
    (path,) = administration["request_handlers"]
    assert len(path) == 44


def test_the_secret_is_in_no_representation() -> None:
    settings = XmppSettings(domain="chat.example")
    assert settings.api_secret not in repr(settings)


def test_shell_values_are_quoted() -> None:
    settings = XmppSettings(domain="chat.example", api_port=1, node_port=2)
    text = render_control(settings, Layout(folder=Path("/srv/a 'b' $(c)")))
    assert "SPOOL_DIR='/srv/a '\\''b'\\'' $(c)/spool'\n" in text


@pytest.mark.parametrize(
    "changes",
    [{"domain": "Chat"}, {"domain": ""}, {"domain": "a b"}, {"port": 70000}, {"node": "x"}, {"node": "a@b -eval c"}],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        XmppSettings(**{"domain": "chat.example", **changes})


def test_running_init_again_keeps_what_matters(open_folder: Path) -> None:
    folder = open_folder / "x"
    first = initialise(folder, XmppSettings(domain="chat.example", port=0))
    authority = (folder / "tls" / "ca.pem").read_bytes()
    again = initialise(folder, XmppSettings(domain="chat.example", hosts=("localhost",), port=first.port))
    assert (again.api_secret, again.api_port, again.node_port) == (first.api_secret, first.api_port, first.node_port)
    assert (folder / "tls" / "ca.pem").read_bytes() == authority
    assert load(folder) == again


def test_secrets_are_private(open_folder: Path) -> None:
    folder = open_folder / "x"
    initialise(folder, XmppSettings(domain="chat.example", port=0))
    for name in ("vedette-xmpp.json", "config/ejabberd.yml", "tls/ca.key", "tls/server.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_folder_without_settings_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="vedette xmpp init"):
        load(tmp_path)
    (tmp_path / "vedette-xmpp.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="damaged"):
        load(tmp_path)
