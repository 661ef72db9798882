"""A person's XMPP client: plain slixmpp with its own plugins, and no code of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slixmpp import JID, ClientXMPP, Iq
from slixmpp.exceptions import IqError

from tests.timing import PATIENCE

COMMANDS = "http://jabber.org/protocol/commands"
DATA = "{jabber:x:data}"


class PersonClient(ClientXMPP):
    """Logs in, keeps what it hears, browses, and goes through commands."""

    def __init__(self, jid: str, password: str, *, ca_file: Path) -> None:
        super().__init__(f"{jid}/chat", password)
        self.ca_certs = ca_file
        self.enable_direct_tls = False
        self.auto_reconnect = False
        self.presences: list[Any] = []
        self.messages: list[Any] = []
        for plugin in ("xep_0004", "xep_0030", "xep_0050", "xep_0092", "xep_0115", "xep_0199"):
            self.register_plugin(plugin)
        self.add_event_handler("presence", self.presences.append)
        self.add_event_handler("message", self.messages.append)

    async def log_in(self, port: int) -> None:
        """Connect and be available."""
        self.connect("127.0.0.1", port)
        await self.wait_until("session_start", PATIENCE)
        await self.get_roster()
        self.send_presence()
        await self.plugin["xep_0199"].ping(self.boundjid.host, timeout=PATIENCE)

    def follow(self, jid: str, *, name: str = "", group: str = "") -> None:
        """Put somebody into the contact list and ask to see their presence."""
        self.update_roster(JID(jid), name=name or None, groups=[group] if group else [])
        self.send_presence_subscription(pto=jid, ptype="subscribe")

    def heard(self, jid: str) -> list[tuple[str, str]]:
        """Return what presence was heard of somebody: show or type, and status."""
        found = []
        for stanza in self.presences:
            if stanza["from"].bare == jid:
                kind = stanza.xml.get("type") or stanza.xml.findtext("{jabber:client}show") or "available"
                found.append((kind, str(stanza["status"])))
        return found

    def address(self, jid: str) -> str:
        """Return the full JID of who is available."""
        return next(
            str(stanza["from"])
            for stanza in reversed(self.presences)
            if stanza["from"].bare == jid and stanza["from"].resource
        )

    async def nodes(self, address: str) -> list[str]:
        """Return the commands that an agent offers."""
        answer = await self.plugin["xep_0050"].get_commands(address, timeout=PATIENCE)
        return sorted(item[1] for item in answer["disco_items"]["items"])

    async def call(
        self,
        address: str,
        node: str,
        *,
        action: str | None = "execute",
        session: str | None = None,
        values: dict[str, Any] | None = None,
        language: str | None = None,
    ) -> Any:
        """Call a command or its next step; returns the answered command."""
        iq = self.make_iq_set(ito=address)
        iq["command"]["node"] = node
        if action is not None:
            iq["command"].xml.set("action", action)
        if session is not None:
            iq["command"]["sessionid"] = session
        if language is not None:
            iq["command"].xml.set("{http://www.w3.org/XML/1998/namespace}lang", language)
        if values is not None:
            form = self.plugin["xep_0004"].make_form(ftype="submit")
            for name, value in values.items():
                kind = "text-multi" if isinstance(value, list) else "text-single"
                form.add_field(var=name, ftype=kind, value=value)
            iq["command"].append(form)
        answer: Iq = await iq.send(timeout=PATIENCE)
        return answer["command"]

    async def refusal(self, address: str, node: str, **more: Any) -> tuple[str, str]:
        """Return condition and command condition of a call that is refused."""
        try:
            await self.call(address, node, **more)
        except IqError as error:
            return condition(error)
        raise AssertionError("it was answered")

    async def leave(self) -> None:
        """Log out."""
        await self.disconnect(wait=0.5)


def condition(error: IqError) -> tuple[str, str]:
    """Return the condition of an error and the one of XEP-0050 with it."""
    element = error.iq.xml.find("{jabber:client}error")
    details = [child.tag.rpartition("}")[2] for child in element if child.tag.startswith(f"{{{COMMANDS}}}")]
    return str(error.condition), details[0] if details else ""


def table(command: Any) -> list[dict[str, str]]:
    """Return the rows of an answered table."""
    return [
        {field.get("var", ""): field.findtext(f"{DATA}value") or "" for field in row}
        for row in command.xml.findall(f"{DATA}x/{DATA}item")
    ]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A field of a form as it came."""

    kind: str
    values: list[str]
    options: list[str]
    required: bool


def fields(command: Any) -> dict[str, Shown]:
    """Return the fields of an answered form."""
    found = {}
    for field in command.xml.findall(f"{DATA}x/{DATA}field"):
        found[field.get("var", "")] = Shown(
            kind=field.get("type"),
            values=[value.text or "" for value in field.findall(f"{DATA}value")],
            options=[value.text or "" for value in field.findall(f"{DATA}option/{DATA}value")],
            required=field.find(f"{DATA}required") is not None,
        )
    return found


def notes(command: Any) -> list[tuple[str, str]]:
    """Return kind and text of the notes in an answer."""
    return [(note[0], note[1]) for note in command["notes"]]
