"""ejabberd's administration over its HTTP API on loopback, so that no password stands in an argv."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from ejabberd.accounts import check_name, check_password
from ejabberd.configuration import load, revoke
from ejabberd.rendering import REVOKED_GROUP
from ejabberd.settings import XmppSettings
from vedette.errors import ConnectionFailedError

TIMEOUT = 10.0
"""Seconds for one call."""

EXISTS = 409
"""HTTP status for an account that is there already."""


class EjabberdApi:
    """Calls of mod_http_api, on the listener that only this machine reaches by a secret path."""

    def __init__(self, settings: XmppSettings) -> None:
        self._settings = settings

    def call(self, command: str, *, accept: tuple[int, ...] = (), **arguments: str) -> tuple[int, Any]:
        """Return (HTTP status, value) of a command; a status other than 200 must be in `accept`.

        Raises:
            ConnectionFailedError: the server cannot be reached or refuses; arguments are never in the message.
        """
        place = f"127.0.0.1:{self._settings.api_port}"
        connection = http.client.HTTPConnection("127.0.0.1", self._settings.api_port, timeout=TIMEOUT)
        try:
            path = f"/{self._settings.api_secret}/{command}"
            connection.request("POST", path, json.dumps(arguments), {"Content-Type": "application/json"})
            response = connection.getresponse()
            status, body = response.status, response.read(4 * 1024 * 1024)
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailedError(
                f"the XMPP server's administration at {place} does not answer: {error}"
            ) from error
        finally:
            connection.close()
        if status != http.client.OK and status not in accept:
            raise ConnectionFailedError(f"the XMPP server at {place} refused {command}: HTTP {status}")
        try:
            return status, json.loads(body)
        except ValueError as error:
            raise ConnectionFailedError(f"the XMPP server at {place} answered {command} with no JSON") from error


def make_removed_group(settings: XmppSettings) -> None:
    """Make the group of removed accounts, whose members each node keeps out; who is in it stays.

    Raises:
        ConnectionFailedError: the server cannot be reached or refuses.
    """
    EjabberdApi(settings).call(
        "srg_create",
        group=REVOKED_GROUP,
        host=settings.domain,
        label=REVOKED_GROUP,
        description="Removed accounts",
        display="",
    )


class EjabberdAccounts:
    """The accounts of a running ejabberd that `vedette xmpp init` configured on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._settings = load(folder)
        self._api = EjabberdApi(self._settings)

    def create(self, name: str, password: str) -> None:
        """Add the account, or give it this password.

        Raises:
            RefusedError: the name or the password cannot be used.
            ConnectionFailedError: the server cannot be reached or refuses.
        """
        host = self._settings.domain
        user = check_name(name)
        status, _ = self._api.call(
            "register", accept=(EXISTS,), user=user, host=host, password=check_password(password)
        )
        self._keep_out(user, revoked=False)
        if status == EXISTS:
            self._api.call("change_password", user=user, host=host, newpass=password)

    def remove(self, name: str) -> None:
        """Take the account away, keep its client certificates out and end its sessions.

        Raises:
            RefusedError: it cannot be an account's name.
            ConnectionFailedError: the server cannot be reached or refuses.
        """
        host = self._settings.domain
        self._api.call("unregister", user=name, host=host)
        self._keep_out(check_name(name), revoked=True)
        # After it: a client that was kicked first would be back before the account is gone.
        self._api.call("kick_user", user=name, host=host)

    def names(self) -> list[str]:
        """Return the names (local parts) of the accounts, sorted.

        Raises:
            ConnectionFailedError: the server cannot be reached or refuses.
        """
        _, names = self._api.call("registered_users", host=self._settings.domain)
        return sorted(names)

    def _keep_out(self, name: str, *, revoked: bool) -> None:
        if self._settings.accounts:
            host = self._settings.domain
            command = "srg_user_add" if revoked else "srg_user_del"
            self._api.call(command, user=name, host=host, group=REVOKED_GROUP, grouphost=host)
        elif revoke(self._folder, name, revoked=revoked):
            self._api.call("reload_config")
