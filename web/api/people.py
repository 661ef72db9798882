"""Who may come in, wired from the configuration: keys, people, sessions, and the pages to log in."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from registry.audit import Audit
from registry.database import Database
from registry.keys import Keys
from registry.sessions import Sessions, SessionTimes
from registry.setup_links import SetupLinks
from registry.users import Users
from vedette.access.password_hash import Passwords
from vedette.clock import Clock
from vedette.configuration.api import ApiSection
from vedette.log import logger
from web.api.access import Rules
from web.api.account import AccountRoutes
from web.api.application import Routes
from web.api.gate import GatePolicy
from web.api.hashing import Hashing
from web.api.login import LoginRoutes
from web.api.logins import Logins
from web.api.setup import SetupRoutes
from web.api.static import StaticRoutes


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """The access to an API."""

    rules: Rules
    """Makes the rules of its routes."""
    routes: list[Routes]
    """Logging in and out, set-up, the account, and the files of the pages."""


def open_access(
    section: ApiSection, *, database: Database, clock: Clock, passwords: Passwords | None = None
) -> Access:
    """Return the access that the configuration describes; `passwords` are cheaper ones in tests."""
    policy = gate_policy(section)
    if policy.open_reading:
        logger("api").warning("reading is open: whoever reaches the API reads everything; see api.open_reading")
    times = SessionTimes(idle=section.session_idle, lifetime=section.session_lifetime)
    users, sessions = Users(database=database, clock=clock), Sessions(database=database, clock=clock, times=times)
    rules = Rules(keys=Keys(database=database, clock=clock), sessions=sessions, policy=policy)
    hashing = Hashing(passwords=passwords or Passwords())
    audit = Audit(database=database, clock=clock)
    logins = Logins(users=users, sessions=sessions, audit=audit, hashing=hashing, clock=clock)
    links = SetupLinks(database=database, clock=clock)
    return Access(
        rules=rules,
        routes=[
            LoginRoutes(logins=logins, sessions=sessions, gate=rules.gate),
            SetupRoutes(links=links, logins=logins, gate=rules.gate),
            AccountRoutes(logins=logins, gate=rules.gate),
            StaticRoutes(),
        ],
    )


def gate_policy(section: ApiSection) -> GatePolicy:
    """Return how the configuration wants the gate to be kept."""
    url = urlsplit(section.url or "")
    return GatePolicy(
        open_reading=section.open_reading,
        secure=section.certificate is not None or url.scheme == "https",
        trusted_proxies=tuple(ip_network(network) for network in section.trusted_proxies),
        names=[name for name in (url.hostname, section.host) if name],
    )
