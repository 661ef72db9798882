"""The typed client of the hub's API; see docs/client.md."""

from vedette.client.blocking import BlockingClient
from vedette.client.client import VedetteClient
from vedette.client.errors import ApiError, UnexpectedAnswerError

__all__ = ["ApiError", "BlockingClient", "UnexpectedAnswerError", "VedetteClient"]
