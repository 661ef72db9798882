"""`vedette verify`: bundles, records and tokens, checked against roots that the user trusts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates
from rich.console import Console
from rich.progress import Progress

from vedette.cli.verify_files import BundleTerms, find_bundles, read_limited, verify_files
from vedette.clock import SystemClock
from vedette.configuration.fleet import load_fleet
from vedette.errors import ConfigurationError, EvidenceError, VedetteError
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.verification import Verdict, read_public_key, verdict_line, verdicts_json
from vedette.evidence.verification_single import Terms, verify_single

MAX_KEY_FILE = 4 * 1024 * 1024
"""Bytes of a file with roots, certificates, a key, a record or a token."""

MAX_DATA = 1024 * 1024 * 1024
"""Bytes of the data that a record or token is over."""

Results = list[tuple[str, Verdict]]


def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH", help="Bundles, or folders with bundles; or one RECORD.er or RESPONSE.tsr and its DATA."
        ),
    ],
    *,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="ROOTS.pem", envvar="VEDETTE_TRUST", help="Root certificates that you trust; repeatable."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config", help="The fleet's configuration, whose `trust` counts where --trust is missing."
        ),
    ] = None,
    agent_key: Annotated[
        Path | None, typer.Option(metavar="KEY.pem", help="The agent's public key, as you know it from elsewhere.")
    ] = None,
    query: Annotated[
        Path | None, typer.Option(metavar="QUERY.tsq", help="The request that RESPONSE.tsr must answer.")
    ] = None,
    untrusted: Annotated[
        Path | None, typer.Option(metavar="CERTS.pem", help="Certificates that may help to build a chain.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="DATA must be a Vedette statement (in bundles it always must).")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes where bundles are many; default: one a core.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Verify bundles, or one record or token over its data.

    Exit code 0: all is good and anchored in the roots given. 1: it is not; the reasons are printed.
    2: wrong use, such as a missing file or unreadable roots.
    """
    try:
        roots = _roots(trust or _configured(config))
        pool = _certificates(untrusted)
        if _is_single(paths):
            terms = _single_terms(roots, pool=pool, query=query, strict=strict, agent_key=agent_key)
            results = _single(paths, terms)
        else:
            if query is not None:
                raise ConfigurationError("--query", "", "goes with one RESPONSE.tsr and its DATA")
            key = None if agent_key is None else _key(agent_key)
            bundle_terms = BundleTerms(roots=roots, now=SystemClock().now(), agent_key=key, untrusted=pool)
            results = _bundles(find_bundles(paths), bundle_terms, jobs=jobs or os.cpu_count() or 1)
    except VedetteError as error:
        typer.echo(_printable(str(error)), err=True)
        raise typer.Exit(2) from error
    _show(results, as_json=as_json)
    if not all(verdict.ok for _, verdict in results):
        raise typer.Exit(1)


def _configured(config: Path | None) -> list[Path]:
    """Return the trust store of the fleet's configuration, and say so; empty where none is configured."""
    file = config or Path("vedette.yml")
    if config is None and not file.is_file():
        return []
    configuration, paths = load_fleet(file)
    if configuration.trust is None:
        return []
    store = paths.near(configuration.trust)
    typer.echo(_printable(f"trusting the roots in {store}, as {paths.file} says"), err=True)
    return [store]


def _roots(files: Sequence[Path]) -> TrustRoots | None:
    """Return the certificates of all files together; None where none is given."""
    if not files:
        return None
    loaded = [TrustRoots.load(path) for path in files]
    return TrustRoots(tuple(dict.fromkeys(der for roots in loaded for der in roots.certificates)))


def _certificates(path: Path | None) -> tuple[bytes, ...]:
    if path is None:
        return ()
    try:
        found = load_pem_x509_certificates(read_limited(path, MAX_KEY_FILE))
    except ValueError as error:
        raise ConfigurationError(str(path), "", "holds no readable PEM certificate") from error
    return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)


def _key(path: Path) -> bytes:
    pem = read_limited(path, MAX_KEY_FILE)
    try:
        read_public_key(pem)
    except EvidenceError as error:
        raise ConfigurationError(str(path), "", str(error)) from error
    return pem


def _is_single(paths: Sequence[Path]) -> bool:
    """Tell whether the arguments are a record or token with its data: by name, else by DER's first byte."""
    if len(paths) != 2 or not all(path.is_file() for path in paths):
        return False
    if paths[0].suffix.lower() in (".er", ".tsr", ".tst"):
        return True
    with paths[0].open("rb") as file:
        return file.read(1) == b"\x30"


def _single_terms(
    roots: TrustRoots | None, *, pool: tuple[bytes, ...], query: Path | None, strict: bool, agent_key: Path | None
) -> Terms:
    if roots is None:
        raise ConfigurationError("--trust", "", "is needed: a time-stamp proves nothing without roots that you trust")
    if agent_key is not None:
        raise ConfigurationError("--agent-key", "", "goes with bundles")
    asked = None if query is None else read_limited(query, MAX_KEY_FILE)
    return Terms(roots=roots, now=SystemClock().now(), untrusted=pool, query=asked, strict=strict)


def _single(paths: Sequence[Path], terms: Terms) -> Results:
    evidence, data = read_limited(paths[0], MAX_KEY_FILE), read_limited(paths[1], MAX_DATA)
    return [(str(paths[0]), verify_single(evidence, data, terms=terms))]


def _bundles(paths: Sequence[Path], terms: BundleTerms, *, jobs: int) -> Results:
    """Return the verdicts in the order of the files; progress goes to stderr where that is a terminal."""
    console = Console(stderr=True)
    found: dict[Path, Verdict] = {}
    with Progress(console=console, transient=True, disable=not console.is_terminal or len(paths) < 2) as progress:
        task = progress.add_task("verifying", total=len(paths))
        for path, verdict in verify_files(paths, terms=terms, jobs=jobs):
            found[path] = verdict
            progress.advance(task)
    return [(str(path), found[path]) for path in paths]


def _show(results: Results, *, as_json: bool) -> None:
    if as_json:
        typer.echo(verdicts_json(results))
        return
    for name, verdict in results:
        if len(results) == 1:
            for check in verdict.checks:
                typer.echo(_printable(f"{'ok' if check.ok else 'FAILED'}: {check.name}: {check.text}"))
        word = "VERIFIED" if verdict.ok else "NOT VERIFIED"
        typer.echo(_printable(f"{word}: {name}: {verdict_line(verdict)}"))
    if len(results) > 1:
        good = sum(verdict.ok for _, verdict in results)
        typer.echo(f"{good} of {len(results)} verified")


def _printable(text: str) -> str:
    """Return text without control characters: what is verified may be crafted to redraw the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
