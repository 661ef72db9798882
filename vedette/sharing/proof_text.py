"""What a proof says and how anybody checks it without us, as text that is also Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from vedette.clock import iso_time
from vedette.sharing.investigation import Proof

_STATES = {
    "pending": "no time-stamp yet",
    "self-asserted": "time-stamped by this fleet's own authority only",
    "proved": "time-stamped by an authority outside of this fleet",
    "strong": "time-stamped by two authorities outside of this fleet",
    "failed": "time-stamping failed",
}


def proof_text(proof: Proof) -> str:
    """Return the statement, the times of its tokens, and the commands that verify them offline."""
    return "\n".join(_lines(proof))


def _lines(proof: Proof) -> Iterator[str]:
    yield f"Item {proof.item}, observed by {proof.agent}, received {iso_time(proof.received_at)}."
    yield f"State: {proof.state} ({_STATES.get(proof.state, 'as the engine says')})."
    yield ""
    yield f"- SHA-256 of the payload: `{proof.payload_sha256}`"
    yield f"- SHA-256 of the statement: `{proof.statement_sha256}`"
    for stamp in proof.stamps:
        where = "external" if stamp.external else "this fleet's own"
        yield f"- Time-stamp (RFC 3161) of {stamp.authority} ({where}): {iso_time(stamp.gen_time)}"
    yield from ("", "Statement (RFC 8785, the bytes that were hashed):", "")
    # A fence that no statement holds: canonical JSON has no line breaks.
    yield from ("```json", proof.statement.decode("utf-8", "replace"), "```")
    if proof.bundle is not None:
        yield from _commands(proof.bundle_name)


def _commands(bundle: str) -> Iterator[str]:
    """Yield the commands; the roots must come from elsewhere than the bundle."""
    yield from ("", "To verify offline; ROOTS.pem are root certificates of the authorities that you trust:", "")
    folder = bundle.removesuffix(".zip")
    yield from ("```sh", f"unzip {bundle} -d {folder}", f"bash {folder}/verify.sh ROOTS.pem", "```")
    yield from ("", "The file VERIFY.txt in it has each step by hand. Where Vedette is installed:", "")
    yield from ("```sh", f"vedette verify {bundle} --trust ROOTS.pem", "```")
