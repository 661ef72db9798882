"""Why somebody may not use a queue."""

from __future__ import annotations

from vedette.errors import RefusedError


class UnknownQueueError(RefusedError):
    """There is no queue of this name: bind it first."""

    def __init__(self, name: str) -> None:
        super().__init__("queue", f"{name!r} is not known here; bind it first")


class ForeignQueueError(RefusedError):
    """The queue is somebody else's."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__("queue", f"{name!r} belongs to {owner}")


class NoSuchDeadLetterError(RefusedError):
    """There is no such dead letter in the queue, or it was discarded."""

    def __init__(self, name: str, uuid: str) -> None:
        super().__init__("uuid", f"{uuid} is not a dead letter of queue {name!r}")
