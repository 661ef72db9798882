"""report.html: one printable page for a court or a customer; everything in it is escaped, nothing is loaded."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator
from importlib import resources
from string import Template
from typing import Any

from vedette.canonical import parse_json
from vedette.clock import to_datetime
from vedette.errors import RefusedError
from vedette.evidence.audit_entry import read_audit
from vedette.evidence.bundle_contents import BundleContents
from vedette.evidence.bundle_wording import Wording, wording_of
from vedette.evidence.hashtree import root_of
from vedette.evidence.statement import BatchStatement, Statement, leaf, read_batch_statement, read_statement

MAX_EXCERPT = 4000
"""Characters of a text payload that are printed."""

MAX_VALUE = 1000
"""Characters of a field of meta that are printed."""

# Written out here, because str.isprintable changes with Python's Unicode version and the page must not.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e0fff]"
)

_LINES = str.maketrans("\r\n\t", "   ")

Rows = Iterable[tuple[str, str]]


def report(contents: BundleContents) -> str:
    """Return the page as HTML.

    Raises:
        EvidenceError: the statement, the batch's statement or the path is not what it must be.
    """
    statement = read_statement(contents.statement)
    batch = read_batch_statement(contents.batch_statement)
    root = root_of(contents.path, leaf(contents.statement), "sha256")
    words = wording_of(statement)
    template = resources.files("vedette.evidence").joinpath("templates/report.html").read_text(encoding="utf-8")
    return Template(template).substitute(
        title=_escaped(statement.uuid),
        happened=words.happened,
        handed_in=words.handed_in,
        proves=words.proves,
        not_proved=words.not_proved,
        key_caution=words.key_caution,
        summary=_summary(contents, statement),
        observed=_table(_done(statement) if statement.kind == "audit" else _observed(contents, statement)),
        excerpt=_excerpt(contents),
        signer=_table(_signer(contents, statement)),
        clocks="".join(_clocks(contents, statement, words)),
        proof=_table(_proof(contents, statement, batch, root)),
        limits=_limits(contents),
    )


def _escaped(text: str) -> str:
    """Return text for the page; invisible characters, which could reorder a line, are written out."""
    visible = _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return html.escape(visible)


def _table(rows: Rows) -> str:
    return "\n".join(
        f'<tr><th scope="row">{_escaped(name)}</th><td>{_escaped(value)}</td></tr>' for name, value in rows
    )


def _moment(microseconds: Any) -> str:
    """Return a time for people, in UTC; what is no time is called so instead of guessed at."""
    if type(microseconds) is not int:
        return "not stated"
    try:
        return to_datetime(microseconds).isoformat(sep=" ", timespec="microseconds").replace("+00:00", " UTC")
    except (OverflowError, ValueError, OSError):
        return f"{microseconds} microseconds since 1970 (outside the calendar)"


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + " … (cut; whole in statement.json)"


def _signed_by(contents: BundleContents) -> str | None:
    """Return the agent that the signed manifest names; None for an unsigned item."""
    if contents.manifest is None:
        return None
    try:
        manifest = parse_json(contents.manifest.text)
    except RefusedError:
        return None
    agent = manifest.get("agent") if isinstance(manifest, dict) else None
    return agent if isinstance(agent, str) else None


def _summary(contents: BundleContents, statement: Statement) -> str:
    external = [token for token in contents.tokens if token.external]
    first = min(external or contents.tokens, key=lambda token: token.gen_time)
    clock = (
        "the external time-stamping authority"
        if external
        else "the operator's own (self-asserted) time-stamping service"
    )
    said = _deed(statement) if statement.kind == "audit" else _origin(contents, statement)
    return (
        f"{said} Its exact bytes existed at "
        f"<b>{_moment(first.gen_time)}</b> by the clock of {clock} <b>{_escaped(first.name)}</b>."
    )


def _origin(contents: BundleContents, statement: Statement) -> str:
    signer = _signed_by(contents)
    by = (
        f"the agent <b>{_escaped(_shown(signer))}</b>, which signed it" if signer else "an agent that did not sign it"
    )
    return f"Item <b>{_escaped(statement.uuid)}</b> was handed in by {by}."


def _deed(statement: Statement) -> str:
    entry = read_audit(statement)
    who, action, what, origin = (_escaped(one) for one in (entry.who, entry.action, entry.object, entry.origin))
    return (
        f"The audit log has the entry <b>{_escaped(statement.uuid)}</b>: on <b>{_moment(entry.at)}</b>, by the clock "
        f"of the operator's machine, <b>{who}</b> did <b>{action}</b> to <b>{what}</b>, from <b>{origin}</b>."
    )


def _done(statement: Statement) -> Iterator[tuple[str, str]]:
    entry = read_audit(statement)
    yield "Audit entry", entry.uuid
    yield "Who", entry.who
    yield "What was done", entry.action
    yield "To what", entry.object
    yield "From where", entry.origin
    yield "Why, or what changed", _shown(entry.detail) or "not stated"
    yield "When, by the clock of the operator's machine", _moment(entry.at)
    yield "Payload", f"{statement.size} bytes, SHA-256 {statement.payload_sha256}"


def _observed(contents: BundleContents, statement: Statement) -> Iterator[tuple[str, str]]:
    meta = statement.meta
    named = (
        ("What kind", "type"),
        ("Looked at", "target"),
        ("Command", "command"),
        ("Exit code", "exit_code"),
        ("Verdict", "verdict"),
        ("Source", "source"),
        ("Agent named in the item", "agent"),
        ("Content type", "content_type"),
    )
    yield "Item", statement.uuid
    for label, key in named:
        if meta.get(key) is not None:
            yield label, _shown(meta[key])
    yield "Format (as stored; not part of the proof)", contents.format
    yield "Payload", f"{statement.size} bytes, SHA-256 {statement.payload_sha256}"
    shown = {key for _, key in named} | {"uuid", "ts", "collected_at"}
    for key in sorted(set(meta) - shown):
        yield f"meta.{key[:100]}", _shown(meta[key])


def _excerpt(contents: BundleContents) -> str:
    """Return the beginning of a payload that is readable text, or why there is none."""
    payload = contents.payload
    if contents.deletion is not None:
        said = _escaped(_shown(contents.deletion.text))
        return f"<p>The payload was {said} (as the operator says). Only its hash is proved.</p>"
    if payload is None:
        return "<p>The payload is not in this bundle (left out or missing). Only its hash is proved.</p>"
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return "<p>The payload is not text; see payload.bin.</p>"
    if _INVISIBLE.search(text[:MAX_EXCERPT].translate(_LINES)):
        return "<p>The payload is not plain text; see payload.bin.</p>"
    cut = "<p>(cut; whole in payload.bin)</p>" if len(text) > MAX_EXCERPT else ""
    # A parser would read CR as LF; the numeric reference keeps what is shown the same as what was observed.
    return f"<pre>{html.escape(text[:MAX_EXCERPT]).replace(chr(13), '&#13;')}</pre>{cut}"


def _signer(contents: BundleContents, statement: Statement) -> Iterator[tuple[str, str]]:
    if statement.kind == "audit":
        yield "Written by", f"the system itself; the engine {statement.engine} put it into its log"
        yield "Signature", "none: no agent signs an audit entry"
        return
    if contents.manifest is None or contents.agent_key_pem is None:
        yield "Signature", "none: this item came without an agent's signature"
        return
    yield "Signed by", _shown(_signed_by(contents) or "unknown")
    yield "Signed manifest", f"SHA-256 {statement.manifest_sha256}"
    yield "Public key", "agent.pub in this bundle; compare it with the key that you were given by the operator"


def _clocks(contents: BundleContents, statement: Statement, words: Wording) -> Iterator[str]:
    own = statement.meta.get("at" if statement.kind == "audit" else "collected_at")
    yield _clock(words.own_clock, _moment(own), "self-asserted")
    yield _clock(
        f"The engine's own clock ({statement.engine}, received_at)", _moment(statement.received_at), "self-asserted"
    )
    for token in contents.tokens:
        worth = (
            "external authority: independent of the operator"
            if token.external
            else "self-asserted: run by the operator"
        )
        yield _clock(f"Time-stamp of {token.name} (genTime)", _moment(token.gen_time), worth)


def _clock(whose: str, moment: str, worth: str) -> str:
    cells = "".join(f"<td>{_escaped(text)}</td>" for text in (whose, moment, worth))
    return f"<tr>{cells}</tr>\n"


def _proof(
    contents: BundleContents, statement: Statement, batch: BatchStatement, root: bytes
) -> Iterator[tuple[str, str]]:
    yield "Statement", f"SHA-256 {leaf(contents.statement).hex()}"
    yield "Log", f"engine {statement.engine}, epoch {statement.epoch}, index {statement.log_index}"
    yield (
        "Batch",
        f"number {batch.number}: {batch.count} items and audit entries,"
        f" log indexes {batch.first_log_index} to {batch.last_log_index}",
    )
    yield "Root of the batch", root.hex()
    yield "Root of the batch before", batch.previous_root or "none: the first of its epoch"


def _limits(contents: BundleContents) -> str:
    if any(token.external for token in contents.tokens):
        return "At least one time-stamp comes from an external authority, as the maker of this bundle says."
    return (
        "<b>No time-stamp in this bundle comes from an external authority.</b> The time is self-asserted: "
        "it is what the operator's own service said, and proves no more than the operator's word."
    )
