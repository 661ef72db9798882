"""The registry's signed heads as a check of a log reads them: those in the store, and those that others kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select

from registry import tables
from registry.head_tables import signed_heads
from vedette.canonical import parse_json
from vedette.errors import RefusedError, StoreError
from vedette.evidence.finding import Finding
from vedette.evidence.sweep_checks import LogPlace
from vedette.messages.batch import Signed, open_signed, parse_model
from vedette.messages.card import Role
from vedette.messages.heads import HeadList
from vedette.signing import VerifyingKey

LISTS = 1_000
"""Lists of the store that are checked, the newest: each says all that those before it said."""

MAX_FILE = 64 * 1024 * 1024
"""Bytes of a file of lists."""


@dataclass(kw_only=True)
class HeadClaims:
    """What lists say of the logs."""

    lists: int = 0
    """Lists that verify."""
    heads: dict[LogPlace, dict[int, set[str]]] = field(default_factory=lambda: defaultdict(dict))
    """By log: the last `log_index` and the heads there, hexadecimal."""
    left_out: int = 0
    """Lists of the store that a key signed which the registry has no more: nothing confirms them."""
    findings: list[Finding] = field(default_factory=list)
    """Lists that do not verify."""


def read_lists(file: Path) -> list[Signed]:
    """Return the lists that somebody kept, one a line, as `heads --keep` adds them or `/v1/heads.ndjson` sends them.

    Raises:
        StoreError: the file cannot be read, or a line is not such a list; names the line.
    """
    try:
        if file.stat().st_size > MAX_FILE:
            raise StoreError(f"{file}: is larger than {MAX_FILE} bytes; give fewer lists, the newest say all")
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise StoreError(f"{file}: cannot be read: {error.strerror}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_signed(parse_json(line)))
        except RefusedError as error:
            raise StoreError(f"{file}: line {number}: is not a signed list of heads: {error}") from error
    return found


def read_claims(connection: Connection, kept: Iterable[Signed]) -> HeadClaims:
    """Return what the store's newest lists say, and those that somebody kept.

    A list of the store that was signed with a key which the registry has no more is left out and counted. One that
    somebody kept is a finding then: who can change the registry's key must not silence what others kept.
    """
    claims = HeadClaims()
    keys = _registry_keys(connection)
    known = signed_heads.c.public_key.in_(keys.values())
    others = select(func.count()).select_from(signed_heads).where(~known)
    claims.left_out = connection.execute(others).scalar_one()
    query = select(signed_heads.c.text, signed_heads.c.signature).where(known)
    rows = connection.execute(query.order_by(signed_heads.c.id.desc()).limit(LISTS)).all()
    for signed in [*kept, *(Signed(text=row.text, signature=row.signature) for row in rows)]:
        try:
            _enter(claims, _open(signed, keys))
        except RefusedError as error:
            place = f"signed heads {signed.sha256[:16]}"
            claims.findings.append(Finding(kind="heads", place=place, text=str(error)))
    return claims


def _signed(line: object) -> Signed:
    """Return the list of a line; what stands beside it is ours to say and was not signed."""
    names = Signed.model_fields
    mine = {name: line[name] for name in names if name in line} if isinstance(line, dict) else line
    return parse_model(Signed, mine)


def _enter(claims: HeadClaims, value: HeadList) -> None:
    claims.lists += 1
    for head in value.heads:
        if head.next_index > 0:
            log = claims.heads[LogPlace(engine=head.engine, epoch=head.epoch)]
            log.setdefault(head.next_index - 1, set()).add(head.head)


def _open(signed: Signed, keys: dict[str, str]) -> HeadList:
    claimed = parse_model(HeadList, parse_json(signed.text))
    key = keys.get(claimed.registry)
    if key is None:
        raise RefusedError("registry", f"{claimed.registry[:128]} is not enrolled here as a registry")
    return open_signed(HeadList, signed, VerifyingKey.from_text(key))


def _registry_keys(connection: Connection) -> dict[str, str]:
    agent = tables.agent
    query = select(agent.c.jid, agent.c.public_key).where(
        agent.c.role == Role.REGISTRY.value, agent.c.public_key.is_not(None)
    )
    return {row.jid: row.public_key for row in connection.execute(query)}
