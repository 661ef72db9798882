"""`vedette evidence checkpoint`: checking published checkpoints, and comparing them with what was kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import typer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.checkpoint_folder import LATEST, SUFFIX
from vedette.cli.output import JSON_OPTION, Exit, print_json, print_line
from vedette.errors import ConfigurationError, EvidenceError
from vedette.evidence.checkpoint import Checkpoint, compare_checkpoints, open_checkpoint, split_list
from vedette.evidence.signed_note import MAX_NOTE, NoteKey
from vedette.signing import VerifyingKey

MAX_LIST = 64 * 1024 * 1024
"""Bytes of a file with many checkpoints."""

app = typer.Typer(no_args_is_help=True, help="Published roots: check one, or notice a rewritten history.")

_PLACE = "A checkpoint, a list of them, or a folder."
FILE_ARGUMENT = typer.Argument(help=_PLACE, exists=True)
KEPT_ARGUMENT = typer.Argument(help=f"What you kept. {_PLACE}", exists=True)
PRESENT_ARGUMENT = typer.Argument(help="What is published now, all of it.", exists=True)
KEY_OPTION = typer.Option(help="The engine's public key: a PEM file, or name+id+key on one line.")


@app.command()
def verify(file: Path = FILE_ARGUMENT, key: str = KEY_OPTION, as_json: bool = JSON_OPTION) -> None:
    """Check signatures and form; exit 1 when a checkpoint is not what the engine signed."""
    found, problems = _load(file, _key(key))
    if as_json:
        print_json({"checkpoints": [_shown(one) for one in found], "problems": problems})
    else:
        for one in found:
            print_line(f"good: {one.origin}, {one.size} entries, root {one.root.hex()}")
        _complain(problems)
    raise typer.Exit(Exit.NO if problems or not found else Exit.GOOD)


@app.command()
def compare(
    kept: Path = KEPT_ARGUMENT, present: Path = PRESENT_ARGUMENT, key: str = KEY_OPTION, as_json: bool = JSON_OPTION
) -> None:
    """Hold checkpoints that you kept against those that are published now; exit 1 when the history is another one."""
    verifying = _key(key)
    before, problems = _load(kept, verifying)
    now, more = _load(present, verifying)
    problems += more
    findings = compare_checkpoints(before, now)
    if as_json:
        shown = [asdict(finding) for finding in findings]
        print_json({"kept": len(before), "present": len(now), "findings": shown, "problems": problems})
    else:
        for finding in findings:
            print_line(f"{finding.kind}: {finding.place}: {finding.text}")
        _complain(problems)
        print_line(f"{len(before)} kept, {len(now)} published, {len(findings)} findings")
    raise typer.Exit(Exit.NO if findings or problems or not before else Exit.GOOD)


def _load(place: Path, key: VerifyingKey | NoteKey) -> tuple[list[Checkpoint], list[str]]:
    """Return the checkpoints of a file or folder that verify, and what is wrong with the others."""
    found: dict[Checkpoint, None] = {}
    problems: list[str] = []
    for file in _files(place):
        try:
            for note in split_list(_read(file, limit=MAX_LIST if file == place else MAX_NOTE)):
                found[open_checkpoint(note, key)] = None
        except EvidenceError as error:
            problems.append(f"{file}: {error}")
    return list(found), problems


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    yield from sorted(file for file in place.rglob(f"*{SUFFIX}") if file.is_file())
    yield from sorted(file for file in place.rglob(LATEST) if file.is_file())


def _read(file: Path, *, limit: int) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(limit + 1)
    except OSError as error:
        raise ConfigurationError(str(file), "", f"cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise EvidenceError(f"is larger than {limit} bytes")
    return data


def _key(text: str) -> VerifyingKey | NoteKey:
    """Return the key of a PEM file, which is taken under the origin's name, or of a line.

    Raises:
        ConfigurationError: it is neither.
    """
    if "+" in text and not Path(text).exists():
        try:
            return NoteKey.from_text(text)
        except EvidenceError as error:
            raise ConfigurationError("--key", "", str(error)) from error
    try:
        loaded = serialization.load_pem_public_key(_read(Path(text), limit=MAX_NOTE))
    except (ValueError, EvidenceError) as error:
        raise ConfigurationError(text, "", "is not a PEM public key; see 'openssl pkey -pubout'") from error
    if not isinstance(loaded, Ed25519PublicKey):
        raise ConfigurationError(text, "", "is not an Ed25519 key")
    return VerifyingKey(loaded)


def _shown(one: Checkpoint) -> dict[str, str | int]:
    return {"origin": one.origin, "size": one.size, "root": one.root.hex()}


def _complain(problems: list[str]) -> None:
    for problem in problems:
        print_line(f"not good: {problem}")
