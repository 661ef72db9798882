"""Checkpoints of a log in C2SP's form (https://c2sp.org/tlog-checkpoint), and what comparing them shows.

One checkpoint a batch: origin, size (the next `log_index` after the batch) and root. The root is the *batch's*, of
its RFC 4998 tree, whose last leaf binds the root of the batch before; it is not the RFC 6962 root over the whole log
that other logs' checkpoints hold. So checkpoints of the same size are comparable; there are no consistency proofs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from vedette.errors import EvidenceError
from vedette.evidence.finding import Finding
from vedette.evidence.signed_note import NoteKey, open_note, sign_note, split_note
from vedette.signing import SigningKey, VerifyingKey

_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_ROOT_SIZE = 32
_READABLE = "@.-_~"
_MARK = "\u2014 "


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """Where a log stood after a batch."""

    origin: str
    """Which log: `vedette/<engine>/<epoch>`."""
    size: int
    """Entries up to the end of the batch: the next `log_index`."""
    root: bytes
    """Root of the batch's hash tree, 32 bytes."""

    @property
    def text(self) -> str:
        """The body that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def seal(self, key: SigningKey) -> bytes:
        """Return the signed note; its key goes by the origin's name."""
        return sign_note(self.text, name=self.origin, key=key)


def name_of(engine: str) -> str:
    """Return an engine's name as origins and folders have it: without spaces, pluses and slashes."""
    return quote(engine, safe=_READABLE)


def origin_of(*, engine: str, epoch: str) -> str:
    """Return the origin line of a log."""
    return f"vedette/{name_of(engine)}/{name_of(epoch)}"


def read_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is; extension lines are opaque and ignored.

    Raises:
        EvidenceError: it is not one.
    """
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise EvidenceError("checkpoint: must have at least three lines, none of them empty")
    if _SIZE.fullmatch(lines[1]) is None:
        raise EvidenceError("checkpoint: the second line is not a decimal size")
    try:
        root = base64.b64decode(lines[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError("checkpoint: the third line is not base64") from error
    if len(root) != _ROOT_SIZE or base64.b64encode(root).decode() != lines[2]:
        raise EvidenceError(f"checkpoint: the root is not {_ROOT_SIZE} bytes in canonical base64")
    return Checkpoint(origin=lines[0], size=int(lines[1]), root=root)


def open_checkpoint(data: bytes, key: VerifyingKey | NoteKey) -> Checkpoint:
    """Return a checkpoint whose signature verifies; a bare key is taken under the origin's name.

    Raises:
        EvidenceError: it is not a checkpoint, or not signed with the key.
    """
    claimed = read_checkpoint(split_note(data)[0])
    named = key if isinstance(key, NoteKey) else NoteKey(name=claimed.origin, key=key)
    open_note(data, named)
    return claimed


def split_list(data: bytes) -> list[bytes]:
    """Return the notes of a list, one after the other in one file; what they are is not checked here.

    Raises:
        EvidenceError: it is not text.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise EvidenceError("list: is not UTF-8") from error
    notes: list[list[str]] = []
    signed = True
    for line in text.split("\n"):
        if line.startswith(_MARK) and notes:
            signed = True
        elif signed and not line:
            continue
        elif signed:
            signed = False
            notes.append([])
        notes[-1].append(line)
    return ["\n".join([*note, ""]).encode() for note in notes]


def compare_checkpoints(kept: Iterable[Checkpoint], present: Iterable[Checkpoint]) -> list[Finding]:
    """Return where the present checkpoints deny those that were kept: the history was rewritten or cut off.

    Args:
        kept: what somebody saw before, some or all.
        present: all that the log publishes now.
    """
    now = list(present)
    roots: dict[tuple[str, int], bytes] = {}
    ends: dict[str, int] = {}
    findings: list[Finding] = []
    for one in now:
        if roots.setdefault((one.origin, one.size), one.root) != one.root:
            findings.append(_finding("rewritten", one, "is published with two different roots"))
        ends[one.origin] = max(ends.get(one.origin, 0), one.size)
    for one in sorted(set(kept), key=lambda kept_one: (kept_one.origin, kept_one.size, kept_one.root)):
        problem = _denied(one, roots.get((one.origin, one.size)), ends.get(one.origin))
        if problem is not None:
            findings.append(problem)
    return findings


def _denied(one: Checkpoint, root: bytes | None, end: int | None) -> Finding | None:
    if root == one.root:
        return None
    if root is not None:
        return _finding("rewritten", one, "has another root now")
    if end is None or one.size > end:
        text = "the log is not published any more" if end is None else f"the log ends at {end} now: it was cut off"
        return _finding("truncated", one, text)
    return _finding("rewritten", one, "no batch ends there now")


def _finding(kind: str, one: Checkpoint, text: str) -> Finding:
    return Finding(kind=kind, place=f"{one.origin}, size {one.size}", text=text)
