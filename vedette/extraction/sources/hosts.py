"""`hone`, `login_events`, `syslog`: what happens on hosts: who speaks to whom, who logs in, what programs say."""

from __future__ import annotations

from pathlib import Path

from vedette.extraction.entries import is_json
from vedette.extraction.interface import Document
from vedette.extraction.mapped import MappedExtractor

_FOLDER = Path(__file__).parent


class Hone(MappedExtractor):
    """Reads connections and whose they are."""

    name = "hone"
    summary = "Hone's connections (the collector CONNECTIONS'): host, process, account and flow"
    mapping = _FOLDER / "hone.yml"


class LoginEvents(MappedExtractor):
    """Reads logins."""

    name = "login_events"
    summary = "Logins, in Stucco's columns or the collector LOGINS' form: account, host, and from where"
    mapping = _FOLDER / "login_events.yml"

    def mapping_of(self, document: Document) -> Path:
        """Return the mapping of the form that a document has."""
        return _FOLDER / "logins.yml" if is_json(document) else self.mapping


class Syslog(MappedExtractor):
    """Reads messages."""

    name = "syslog"
    summary = "Messages of the collector SYSLOG: hosts, and the programs that say something there"
    mapping = _FOLDER / "syslog.yml"
