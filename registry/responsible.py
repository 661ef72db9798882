"""Who answers for what is done later in their name: they must still be allowed to do it when it is done."""

from __future__ import annotations

from sqlalchemy import Connection, select

from registry.callers import Scope
from registry.key_tables import api_key
from registry.roles import scopes_of
from registry.user_tables import user_account

COMMAND_LINE = "command line "
"""How those begin who have the machine's own rights: they are not asked for others."""


def why_not(connection: Connection, who: str, *, now: int) -> str | None:
    """Return why somebody may not run jobs now, None where they may.

    Args:
        connection: the transaction in which that matters.
        who: `user anna`, `key feeds`, a bare JID, `command line root`.
        now: microseconds since 1970.
    """
    kind, _, name = who.partition(" ")
    if who.startswith(COMMAND_LINE):
        return None
    if kind == "user":
        row = connection.execute(select(user_account).where(user_account.c.name == name)).one_or_none()
        if row is None or row.disabled_at is not None:
            return f"{who} may not log in any more"
        return None if Scope.OPERATE in scopes_of(row.role) else f"{who} may not run jobs any more"
    mine = api_key.c.agent == who if kind != "key" else (api_key.c.name == name) & api_key.c.agent.is_(None)
    good = select(api_key.c.scopes, api_key.c.expires_at).where(mine, api_key.c.revoked_at.is_(None))
    for row in connection.execute(good):
        if Scope.OPERATE.value in row.scopes.split() and (row.expires_at is None or now < row.expires_at):
            return None
    return f"no key of {who} allows it any more"
