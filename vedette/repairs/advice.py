"""What a person does about an alarm of the evidence, by its kind. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_RESTORE = (
    "What is stored is not what was committed. Stop nothing and change nothing: keep a copy of the store as it is, "
    "run `vedette evidence sweep` to see the extent, and restore the last good safety copy with `vedette restore`."
)
_MISSING = (
    "The log is shorter than somebody holds proof for. If a safety copy was restored, that is the loss it had, and "
    "this alarm says what; if not, somebody removed it: keep a copy of the store, and compare it with your "
    "safety copies."
)
_STAMP = (
    "A time-stamp does not verify. Compare the authority's roots in `vedette tsa list` with those that it publishes; "
    "the items' other tokens, if there are any, still hold."
)

_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("payload", "statement", "state", "head", "root", "gap", "inserted", "rewritten"), _RESTORE),
        **dict.fromkeys(("truncated", "batch-missing", "receipt"), _MISSING),
        **dict.fromkeys(("token",), _STAMP),
        "document": "A document's file is missing or damaged. Put the file of this SHA-256 back from a safety copy.",
        "manifest": (
            "What an agent signed is not what is stored. Its receipts, on its machine, say what it sent; ask it with "
            "`vedette audit` who changed its key, and compare with a safety copy."
        ),
        "heads": "Somebody signed a list of heads that cannot be right. Check who has the registry's key.",
        "clock": "A clock is wrong. Set it (`timedatectl`, or chrony), then look whether items are marked as skewed.",
        "revocation": (
            "An authority's certificate was revoked, or nobody can tell. What it stamped before holds; add "
            "another authority with `vedette tsa add`, so that what comes now is proved."
        ),
        "checkpoint": "A published root does not fit the log. Keep both: the file in the folder, and the store.",
        "renewal": (
            "A proof could not be renewed before its certificate ends. Look whether the authority answers "
            "(`vedette tsa list`); it is tried again by itself, until the time that the alarm names."
        ),
    }
)

_OTHERWISE: Final = "Look at the place that the alarm names, and at the log of the hub around that time."


def advice_on(kind: str) -> str:
    """Return what to do about an alarm of this kind."""
    return _ADVICE.get(kind, _OTHERWISE)
