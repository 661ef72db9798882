"""Bundles on disk: found in folders, read within limits, verified in parallel."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vedette.errors import ConfigurationError
from vedette.evidence.bundle_zip import MAX_ZIP
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.verdict import Verdict, failure
from vedette.evidence.verification import RememberedTokens, read_public_key, verify_bundle

CHUNK = 64
"""Bundles that one worker verifies at a time."""

SERIAL_LIMIT = 256
"""Up to so many bundles, starting workers costs more than they save (about a second each)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleTerms:
    """On what terms bundles are judged."""

    roots: TrustRoots | None
    """Where time-stamps must be anchored; None: nothing can be."""
    now: int
    """Microseconds since 1970."""
    agent_key: bytes | None = None
    """The agent's public key as PEM, as known from elsewhere."""
    untrusted: tuple[bytes, ...] = ()
    """DER certificates that may help to build a chain."""


def find_bundles(paths: Iterable[Path]) -> list[Path]:
    """Return the files given, and every `*.zip` in the folders given, however deep; links are not followed.

    Raises:
        ConfigurationError: a path does not exist, or a folder holds no zip.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(_zips(path))
            if not inside:
                raise ConfigurationError(str(path), "", "holds no bundle (*.zip)")
            found.extend(inside)
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigurationError(str(path), "", "no such file or folder")
    return found


def _zips(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if name.lower().endswith(".zip") and path.is_file() and not path.is_symlink():
                yield path


def read_limited(path: Path, limit: int = MAX_ZIP) -> bytes:
    """Return a file's bytes.

    Raises:
        ConfigurationError: it cannot be read or is larger than `limit` bytes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ConfigurationError(str(path), "", f"cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise ConfigurationError(str(path), "", f"is larger than {limit} bytes")
    return data


def verify_files(paths: Sequence[Path], *, terms: BundleTerms, jobs: int) -> Iterator[tuple[Path, Verdict]]:
    """Yield the verdict of each bundle as it is ready; `jobs` processes where there are many."""
    if jobs == 1 or len(paths) <= SERIAL_LIMIT:
        yield from _verify_each(paths, terms)
        return
    chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=min(jobs, len(chunks)), mp_context=context) as pool:
        work = [pool.submit(partial(verify_chunk, terms=terms), chunk) for chunk in chunks]
        for done in as_completed(work):
            yield from done.result()


def verify_chunk(paths: Sequence[Path], *, terms: BundleTerms) -> list[tuple[Path, Verdict]]:
    """Return the verdicts of some bundles: the work of one process."""
    return list(_verify_each(paths, terms))


def _verify_each(paths: Sequence[Path], terms: BundleTerms) -> Iterator[tuple[Path, Verdict]]:
    verifier = RememberedTokens()
    key = None if terms.agent_key is None else read_public_key(terms.agent_key)
    for path in paths:
        try:
            data = read_limited(path)
        except ConfigurationError as error:
            yield path, failure("file", error.reason)
            continue
        yield (
            path,
            verify_bundle(
                data,
                roots=terms.roots,
                now=terms.now,
                agent_key=key,
                untrusted=terms.untrusted,
                verifier=verifier,
            ),
        )
