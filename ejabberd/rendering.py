"""The texts of the production ejabberd's configuration, from its settings (ejabberd 23.01 and later)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ejabberd.account_database import AccountDatabase
from ejabberd.authority import Authority
from ejabberd.erlang import TICK_SECONDS
from ejabberd.settings import Layout, XmppSettings

MAX_STANZA = 1024 * 1024
"""Bytes of one stanza: a larger one closes its stream."""

REVOKED_GROUP = "revoked"
"""The group of removed accounts on a cluster: every node knows its members at once, a file only its own."""


def render_server(settings: XmppSettings, layout: Layout, *, certificate: Path, key: Path) -> str:
    """Return the text of `ejabberd.yml`."""
    configuration = {
        "hosts": [settings.domain],
        "loglevel": "warning",
        "log_rotate_size": 10485760,
        "log_rotate_count": 3,
        "certfiles": [str(certificate), str(key)],
        "ca_file": str(Authority(layout.tls).ca_file),
        "c2s_cafile": str(Authority(layout.tls).ca_file),
        "listen": _listeners(settings),
        **_authentication(settings),
        **_access(settings),
        "queue_type": "ram",
        # A process that cannot keep up ends with its clients, who send again, before the machine does.
        "max_fsm_queue": 10000,
        "s2s_access": "none",
        "net_ticktime": TICK_SECONDS,
        "default_db": "mnesia",
        "modules": _modules(settings),
    }
    head = "# Made by `vedette xmpp init`; a change here is lost when it runs again.\n"
    return head + yaml.safe_dump(configuration, sort_keys=False, default_flow_style=False)


def render_control(settings: XmppSettings, layout: Layout) -> str:
    """Return the text of `ejabberdctl.cfg`, a shell fragment."""
    # A fixed distribution port makes epmd, and its open port 4369, unnecessary.
    values = {
        "ERLANG_NODE": settings.node,
        "ERL_DIST_PORT": str(settings.node_port),
        "INET_DIST_INTERFACE": settings.node_interface,
        "ERL_OPTIONS": "-env ERL_CRASH_DUMP_BYTES 0",
        "SPOOL_DIR": str(layout.spool),
        "LOGS_DIR": str(layout.logs),
        "EJABBERD_PID_PATH": str(layout.pid),
    }
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def _listeners(settings: XmppSettings) -> list[dict[str, Any]]:
    clients = {
        "port": settings.port,
        "ip": settings.listen,
        "module": "ejabberd_c2s",
        "backlog": 256,  # the default of 5 turns away a fleet that comes back at once
        "access": "c2s",
        "shaper": "c2s_shaper",
        "max_stanza_size": MAX_STANZA,
        "starttls_required": True,
        # Needed for SASL EXTERNAL; who has no certificate still logs in by SCRAM (XEP-0178).
        "tls_verify": True,
        "tls_compression": False,
    }
    administration = {
        "port": settings.api_port,
        "ip": "127.0.0.1",
        "module": "ejabberd_http",
        "tls": False,
        "request_handlers": {f"/{settings.api_secret}": "mod_http_api"},
        "tag": "administration",
    }
    return [clients, administration]


def _authentication(settings: XmppSettings) -> dict[str, Any]:
    plus = [f"SCRAM-SHA-{bits}-PLUS" for bits in ("1", "256", "512")]
    database = AccountDatabase.parse(settings.accounts).rendered() if settings.accounts else {}
    return {
        "auth_method": "sql" if settings.accounts else "internal",
        **database,
        "auth_password_format": "scram",
        "auth_scram_hash": "sha256",
        # Channel binding of 23.01 fails with TLS 1.3 clients; PLAIN would show a mistaken server the password.
        "disable_sasl_mechanisms": [*plus, "DIGEST-MD5", "PLAIN", "X-OAUTH2"],
    }


def _access(settings: XmppSettings) -> dict[str, Any]:
    acl: dict[str, Any] = {"local": {"user_regexp": ""}, "loopback": {"ip": ["127.0.0.0/8", "::1/128"]}}
    entry: list[dict[str, str]] = [{"allow": "local"}]
    if settings.revoked:
        acl["revoked"] = {"user": [f"{name}@{settings.domain}" for name in settings.revoked]}
        entry.insert(0, {"deny": "revoked"})
    if settings.accounts:
        acl["removed"] = {"shared_group": REVOKED_GROUP}
        entry.insert(0, {"deny": "removed"})
    return {
        "acl": acl,
        "access_rules": {"c2s": entry, "local": [{"allow": "local"}]},
        "shaper_rules": {"c2s_shaper": "none", "max_user_sessions": 20},
        "api_permissions": {
            "administration": {
                "from": ["mod_http_api", {"tag": "administration"}],
                "who": {"access": {"allow": {"acl": "loopback"}}},
                "what": [
                    "register",
                    "unregister",
                    "change_password",
                    "kick_user",
                    "registered_users",
                    "reload_config",
                    "connected_users_number",
                    "stats",
                    "status",
                    "stop",
                    "leave_cluster",
                    "list_cluster",
                    "srg_create",
                    "srg_user_add",
                    "srg_user_del",
                ],
            },
            "console": {"from": ["ejabberd_ctl"], "who": "all", "what": "*"},
        },
    }


def _modules(settings: XmppSettings) -> dict[str, dict[str, Any]]:
    shared: dict[str, dict[str, Any]] = {"mod_shared_roster": {"db_type": "mnesia"}} if settings.accounts else {}
    nodes = {"access_createnode": "local", "max_items_node": 1000, "plugins": ["flat"], "last_item_cache": False}
    return {
        # Clients such as profanity speak of commands to no agent unless the server knows the word.
        "mod_adhoc": {},
        "mod_admin_extra": {},
        "mod_caps": {},
        "mod_disco": {},
        "mod_http_api": {},
        # A cut cable is noticed after 10 seconds of silence and 10 without an answer.
        "mod_ping": {"send_pings": True, "ping_interval": 10, "ping_ack_timeout": 10, "timeout_action": "kill"},
        "mod_pubsub": nodes,
        "mod_roster": {"versioning": False, "db_type": "sql" if settings.accounts else "mnesia"},
        **shared,
        "mod_stats": {},
        # Acknowledgements without resumption: a resumable session would be shown present while it is dead.
        "mod_stream_mgmt": {"resume_timeout": 0, "ack_timeout": 20, "max_ack_queue": 5000, "queue_type": "ram"},
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
