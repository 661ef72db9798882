"""Proofs as event reports: what was observed, by whom, when others saw it, and how anybody checks that. Pure.

Written in Markdown, as MISP shows reports. What targets and tools are called stands in code only, so that it cannot
become a link, an image or a reference of MISP's own.
"""

from __future__ import annotations

import re
from typing import Any, Final

from vedette.clock import MICROSECONDS
from vedette.sharing.investigation import Proof, Scan
from vedette.sharing.misp.composing import Composing, Said
from vedette.sharing.misp.ids import report_uuid
from vedette.sharing.misp.options import INHERITED
from vedette.sharing.misp.values import one_line, seen, without_wide
from vedette.sharing.proof_text import proof_text

_TICKS = re.compile(r"`+")
_SHOWN_OTHERWISE: Final = (
    "Characters of the statement beyond U+FFFF, which servers do not keep, are shown as question marks; its bytes "
    "are in the bundle."
)


def add_report(to: Composing, proof: Proof, scan: Scan | None, scan_object: str) -> None:
    """Add the report on a proof, and the bundle that it speaks of.

    Args:
        to: the event.
        proof: what is reported.
        scan: what the item is, where a tool put it out.
        scan_object: id of the scan's object in the event; empty: there is none.
    """
    said = proof_text(proof)
    shown = without_wide(said)
    places = _places(scan, scan_object, _add_bundle(to, proof))
    content = [f"# Proof of item {code(proof.item)}", *([places] if places else []), shown]
    if shown != said:
        content.append(_SHOWN_OTHERWISE)
    _add(to, proof.item, f"Proof of item {proof.item}"[:200], "\n\n".join(content) + "\n", _newest(proof))


def add_description(to: Composing, description: str, at: int) -> None:
    """Add what an investigation says of itself, where it does; in Markdown it is code, as others' texts are in it."""
    if description.strip():
        lines = (one_line(line) for line in description.strip().splitlines())
        _add(to, "description", "Description", "".join(f"    {line}\n" for line in lines), at)


def _add(to: Composing, identity: str, name: str, content: str, at: int) -> None:
    made: dict[str, Any] = {
        "uuid": report_uuid(to.event, identity),
        "name": name,
        "content": content,
        "distribution": INHERITED,
        "deleted": False,
        "timestamp": str(max(at, 0) // MICROSECONDS),
    }
    to.reports.append(made)


def code(text: str) -> str:
    """Return a text as code in Markdown, on one line (CommonMark 0.31, section 6.1)."""
    plain = one_line(text) or "-"
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(plain)), default=0))
    return f"{fence} {plain} {fence}" if "`" in plain else f"{fence}{plain}{fence}"


def _add_bundle(to: Composing, proof: Proof) -> str:
    if proof.bundle is None:
        return ""
    at = _newest(proof)
    comment = f"Proof of item {proof.item}: a zip, with VERIFY.txt"
    said = Said(what=f"bundle of {proof.item}", first=at, last=at, comment=comment)
    return to.attribute("attachment", proof.bundle_name, said, data=proof.bundle)


def _places(scan: Scan | None, scan_object: str, bundle: str) -> str:
    """Return where in the event the things are that the report speaks of."""
    rows = []
    if scan is not None:
        rows += [f"- Tool: {code(scan.tool)}", f"- Target: {code(scan.target)}"]
        rows += [f"- Observed: {seen(scan.observed_at)}"]
    if scan_object:
        rows.append(f"- Result: @[object]({scan_object})")
    if bundle:
        rows.append(f"- Bundle: @[attribute]({bundle})")
    return "\n".join(rows)


def _newest(proof: Proof) -> int:
    return max(0, proof.received_at, *(stamp.gen_time for stamp in proof.stamps))
