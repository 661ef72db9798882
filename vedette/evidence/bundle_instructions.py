"""VERIFY.txt: how anyone checks a bundle by hand, command by command, with the values that must come out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from string import Template

from vedette.canonical import sha256
from vedette.clock import MICROSECONDS, to_datetime
from vedette.errors import EvidenceError
from vedette.evidence.bundle_contents import BundleContents, BundleToken
from vedette.evidence.bundle_wording import Wording, wording_of
from vedette.evidence.hashtree import HashPath, root_of
from vedette.evidence.statement import leaf, read_statement


def instructions(contents: BundleContents) -> str:
    """Return the text of VERIFY.txt.

    Raises:
        EvidenceError: the statement is not one, or a path does not start at its leaf.
    """
    statement = read_statement(contents.statement)
    words = wording_of(statement)
    own_leaf, batch_leaf = leaf(contents.statement), leaf(contents.batch_statement)
    root = root_of(contents.path, own_leaf, "sha256").hex()
    template = resources.files("vedette.evidence").joinpath("templates/VERIFY.txt").read_text(encoding="utf-8")
    return Template(template).substitute(
        payload=_payload_step(contents, statement.payload_sha256),
        leaf=own_leaf.hex(),
        statement=words.statement,
        signed=words.signed,
        signature=_signature_step(contents, statement.manifest_sha256, words),
        path="\n".join(_path_steps(contents.path, own_leaf)),
        root=root,
        batch_leaf=batch_leaf.hex(),
        batch_path="\n".join(_path_steps(contents.batch_path, batch_leaf)),
        tokens="\n\n".join(_token_step(contents, token, root) for token in contents.tokens),
        proves=words.proves_shortly,
        not_proved=words.not_proved_shortly,
    )


def _payload_step(contents: BundleContents, payload_sha256: str) -> str:
    if contents.deletion is not None:
        return (
            "The payload was deleted. The statement, the signature and the time-stamps stay; of the payload only\n"
            f"the hash is proved,\n\n    {payload_sha256}\n\n"
            "The operator says, and no time-stamp in this bundle covers it, that it was\n\n"
            # As JSON: a reason is somebody's text and must not look like a step of these instructions.
            f"    {json.dumps(contents.deletion.text)}"
        )
    if contents.payload is None:
        return (
            "The payload is not in this bundle (it is too large and was left out, or is missing). Only its hash is\n"
            "proved. If the operator still has it, GET /document/ID of the document service gives it, with the ID\n\n"
            f"    {payload_sha256}\n\n"
            'which must be what sha256sum prints for it: it stands in statement.json as "payload_sha256".'
        )
    return (
        "    sha256sum payload.bin\n\n"
        f"must print {payload_sha256}\n\n"
        'This value also stands in statement.json as "payload_sha256".'
    )


def _signature_step(contents: BundleContents, manifest_sha256: str, words: Wording) -> str:
    if contents.manifest is None:
        return words.unsigned
    return (
        "    sha256sum manifest.json\n"
        "    openssl pkeyutl -verify -rawin -pubin -inkey agent.pub -sigfile manifest.sig -in manifest.json\n\n"
        f'must print {manifest_sha256} and "Signature Verified Successfully". The first is the\n'
        '"manifest_sha256" of statement.json. The manifest lists, beside the item\'s uuid, the SHA-256 of\n'
        'the text {"meta":M,"payload_sha256":"P"} with M and P as they stand in statement.json.\n'
        "Whose key agent.pub is, this bundle only claims: compare it with the key that you were given."
    )


def _path_steps(path: HashPath, start: bytes) -> Iterator[str]:
    """Yield a command for each step up the tree, and what it must print."""
    if not path:
        yield "(The batch had one leaf, so that leaf is the root.)"
    node = start
    for number, values in enumerate(path):
        pair = sorted(values if number == 0 else (node, *values))
        if node not in pair:
            raise EvidenceError("hash path: the hash of the data is not in the first list")
        node = sha256(b"".join(pair))
        yield f"    printf {b''.join(pair).hex()} | xxd -r -p | sha256sum"
        yield f"must print {node.hex()}"


def _token_step(contents: BundleContents, token: BundleToken, root: str) -> str:
    untrusted = " -untrusted chain.pem" if contents.chain else ""
    moment = to_datetime(token.attime * MICROSECONDS).isoformat(sep=" ").replace("+00:00", "")
    kind = (
        f"{token.name} is an external authority, as the maker of this bundle says."
        if token.external
        else f"{token.name} is run by the operator of this system: its time is SELF-ASSERTED."
    )
    return (
        f"{kind}\n\n"
        f"    openssl ts -verify -digest {root} -in token-{token.name}.tsr"
        f" -CAfile ROOTS.pem{untrusted} -attime {token.attime}\n"
        f"    openssl ts -reply -in token-{token.name}.tsr -text\n"
        f"    date -u -d @{token.attime}\n\n"
        f'must print "Verification: OK", then "Time stamp: " with {moment} GMT,\n'
        f"then the same moment: -attime must be the time of the stamp itself."
    )
