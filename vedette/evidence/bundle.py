"""The bundle: one zip with everything that a third party needs to check one item's proof, and no trust in us.

`build_bundle` is a pure function: the same contents always give the same bytes. `read_bundle` is its
inverse, and demands that rebuilding gives the very bytes that were read. So not one byte of a bundle, its
report and its instructions included, can differ from what follows from the evidence in it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from vedette.canonical import canonical_json, parse_json, sha256_hex
from vedette.errors import EvidenceError, RefusedError
from vedette.evidence.bundle_contents import (
    TSA_NAME,
    BundleContents,
    BundleToken,
    certificates_from_pem,
    certificates_to_pem,
    read_public_key,
    token_gen_time,
)
from vedette.evidence.bundle_instructions import instructions
from vedette.evidence.bundle_report import report
from vedette.evidence.bundle_zip import read_zip, write_zip
from vedette.evidence.deletion import read_deletion
from vedette.evidence.exchange import granted, token_from_response
from vedette.evidence.hashtree import HashPath
from vedette.evidence.record import build_record
from vedette.messages.batch import Signed

__all__ = ["BUNDLE_VERSION", "BundleContents", "BundleToken", "build_bundle", "read_bundle"]

BUNDLE_VERSION = 1
"""Version of the layout; the texts and templates of a released version never change."""

MAX_TOKENS = 16
"""Authorities in one bundle."""


def build_bundle(contents: BundleContents) -> bytes:
    """Return the bundle as a deterministic zip (fixed order, dates and modes; not compressed).

    Raises:
        EvidenceError: the statement is not one, no token or twice the same authority's, a name that cannot
            be a file name, a gen_time that is not the token's, a manifest without key, or too large.
    """
    _check_contents(contents)
    files: dict[str, bytes] = {}
    if contents.payload is not None:
        files["payload.bin"] = contents.payload
    files["statement.json"] = contents.statement
    files.update(_manifest_files(contents))
    files["batch.json"] = contents.batch_statement
    files["path.txt"] = _path_text(contents.path)
    files["batch-path.txt"] = _path_text(contents.batch_path)
    for token in contents.tokens:
        files[f"record-{token.name}.er"] = token.record or build_record(path=contents.path, token=token.token)
        files[f"token-{token.name}.tsr"] = granted(token.token)
    if contents.chain:
        files["chain.pem"] = certificates_to_pem(contents.chain)
    files.update({f"crls/{name}": data for name, data in sorted(contents.crls.items())})
    files["bundle.json"] = _description(contents)
    files["verify.sh"] = resources.files("vedette.evidence").joinpath("templates/verify.sh").read_bytes()
    files["VERIFY.txt"] = instructions(contents).encode()
    files["report.html"] = report(contents).encode()
    files["SHA256SUMS"] = _sums(files)
    return write_zip(files)


def _check_contents(contents: BundleContents) -> None:
    names = [token.name for token in contents.tokens]
    if not 1 <= len(names) <= MAX_TOKENS or len(set(names)) != len(names):
        raise EvidenceError(f"bundle: needs 1 to {MAX_TOKENS} tokens, each of another authority")
    for token in contents.tokens:
        if not TSA_NAME.match(token.name):
            raise EvidenceError(f"bundle: {token.name[:80]!r} cannot name an authority: use a-z, 0-9, dot and hyphen")
        if token_gen_time(token.token) != token.gen_time:
            raise EvidenceError(f"bundle: gen_time is not the genTime of the token of {token.name}")
    if contents.deletion is not None and contents.payload is not None:
        raise EvidenceError("bundle: a payload that was deleted cannot be in it")
    if (contents.manifest is None) != (contents.agent_key_pem is None):
        raise EvidenceError("bundle: a signed manifest and the agent's public key go together")


def _manifest_files(contents: BundleContents) -> dict[str, bytes]:
    if contents.manifest is None or contents.agent_key_pem is None:
        return {}
    try:
        signature = base64.b64decode(contents.manifest.signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EvidenceError("bundle: the manifest's signature is not base64") from error
    return {
        "manifest.json": contents.manifest.text.encode(),
        "manifest.sig": signature,
        "agent.pub": read_public_key(contents.agent_key_pem).pem,
    }


def _path_text(path: HashPath) -> bytes:
    """Return a path as text: a line for each list, hexadecimal hashes with a space between."""
    return b"".join(" ".join(value.hex() for value in values).encode() + b"\n" for values in path)


def _description(contents: BundleContents) -> bytes:
    """Return bundle.json: what the maker says and the evidence does not."""
    tokens = [{"attime": token.attime, "external": token.external, "name": token.name} for token in contents.tokens]
    deleted = {} if contents.deletion is None else {"deleted": contents.deletion.as_json()}
    return canonical_json({"format": contents.format, "tokens": tokens, "version": BUNDLE_VERSION} | deleted)


def _sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{sha256_hex(data)}  {name}\n" for name, data in files.items()).encode()


def read_bundle(data: bytes) -> BundleContents:
    """Return the contents of a bundle that is byte for byte what `build_bundle` makes of them.

    The evidence itself is not verified here.

    Raises:
        EvidenceError: not such a zip; the message names the file that is missing or not as it must be.
    """
    files = read_zip(data)
    if "SHA256SUMS" not in files or "statement.json" not in files:
        raise EvidenceError("bundle: SHA256SUMS or statement.json is missing; is it a Vedette bundle?")
    _check_sums(files)
    contents = _contents(files)
    rebuilt = build_bundle(contents)
    if rebuilt != data:
        raise EvidenceError(f"bundle: {_difference(files, read_zip(rebuilt))}")
    return contents


def _check_sums(files: Mapping[str, bytes]) -> None:
    listed = files["SHA256SUMS"].decode("ascii", "replace").splitlines()
    for name, content in files.items():
        if name != "SHA256SUMS" and f"{sha256_hex(content)}  {name}" not in listed:
            raise EvidenceError(f"bundle: {name} is not as SHA256SUMS says")


def _difference(files: Mapping[str, bytes], rebuilt: Mapping[str, bytes]) -> str:
    for name in [*rebuilt, *files]:
        if name != "SHA256SUMS" and files.get(name) != rebuilt.get(name):
            return f"{name} is not what follows from the evidence beside it"
    return "its files are not in the order in which Vedette writes them"


def _contents(files: Mapping[str, bytes]) -> BundleContents:
    try:
        description = parse_json(_file(files, "bundle.json"))
        if description["version"] != BUNDLE_VERSION:
            raise EvidenceError(f"bundle: layout {str(description['version'])[:20]} is not known to this release")
        tokens, form = _tokens(files, description), description["format"]
        deletion = read_deletion(description["deleted"]) if "deleted" in description else None
        manifest = _manifest(files)
    except (RefusedError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise EvidenceError("bundle: bundle.json or manifest.json is not as Vedette writes it") from error
    if not isinstance(form, str):
        raise EvidenceError("bundle: bundle.json has no format")
    return BundleContents(
        payload=files.get("payload.bin"),
        statement=files["statement.json"],
        manifest=manifest,
        agent_key_pem=files.get("agent.pub"),
        batch_statement=_file(files, "batch.json"),
        path=_path(files, "path.txt"),
        batch_path=_path(files, "batch-path.txt"),
        tokens=tokens,
        format=form,
        chain=certificates_from_pem(files.get("chain.pem", b"")),
        crls={name.removeprefix("crls/"): content for name, content in files.items() if name.startswith("crls/")},
        deletion=deletion,
    )


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise EvidenceError(f"bundle: {name} is missing")
    return files[name]


def _manifest(files: Mapping[str, bytes]) -> Signed | None:
    if "manifest.json" not in files:
        return None
    signature = base64.b64encode(_file(files, "manifest.sig")).decode()
    return Signed(text=files["manifest.json"].decode(), signature=signature)


def _path(files: Mapping[str, bytes], name: str) -> HashPath:
    lines = _file(files, name).decode("ascii", "replace").splitlines()
    try:
        return tuple(tuple(bytes.fromhex(value) for value in line.split(" ")) for line in lines)
    except ValueError as error:
        raise EvidenceError(f"bundle: {name} holds something else than hexadecimal hashes") from error


def _tokens(files: Mapping[str, bytes], description: Any) -> Sequence[BundleToken]:
    tokens = []
    for entry in description["tokens"]:
        name, external = entry["name"], entry["external"]
        if not isinstance(name, str) or not isinstance(external, bool):
            raise EvidenceError("bundle: bundle.json names a token wrongly")
        token = token_from_response(_file(files, f"token-{name}.tsr"))
        record = _file(files, f"record-{name}.er")
        gen_time = token_gen_time(token)
        tokens.append(BundleToken(name=name, external=external, token=token, gen_time=gen_time, record=record))
    return tokens
