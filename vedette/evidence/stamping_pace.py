"""Whether an authority that wants pauses can stamp as many batches as are made. Pure, no I/O."""

from __future__ import annotations

MINUTE = 60.0
"""Seconds."""


def pace_warning(*, name: str, seconds_between: float, batch_seconds: float, made: float = 0.0) -> str:
    """Return what is wrong where an authority falls behind for good, and what to set; empty where it keeps up.

    Args:
        name: the authority's.
        seconds_between: pause between requests that it asks for.
        batch_seconds: age of its oldest item at which a batch is closed.
        made: batches a minute that were closed lately: more than by age, where they fill up or items are urgent.
    """
    if seconds_between <= 0:
        return ""
    stamped, by_age = MINUTE / seconds_between, MINUTE / batch_seconds
    if seconds_between <= batch_seconds and made <= stamped:
        return ""
    told = f"{made:.3g} are made now" if made > by_age else f"up to {by_age:.3g} are made"
    wanted = max(seconds_between, batch_seconds)
    return (
        f"{name} wants {seconds_between:g} s between requests, which is {stamped:.3g} batches a minute, and {told}: "
        f"its tokens fall behind for good; set batch.seconds to {wanted:g} or more, and batch.items so high that "
        "batches do not fill up before"
    )
