"""Reading what no collector should write: one message with odd properties must not hold up all others."""

from __future__ import annotations

import functools
from typing import Any

from aiormq import spec
from pamqp import decode

from vedette.gateway.message import MALFORMED


@functools.cache
def read_whatever_comes() -> None:
    """Have the protocol library read properties that nobody should write.

    Brokers hand on properties as they came, unread. The library ends the connection at a text that is not UTF-8 or a
    time beyond the year 9999: one such message would be delivered again for ever, and hold up all others.
    """
    usual = spec.Basic.Properties.unmarshal

    def unmarshal(self: Any, flags: int, data: bytes) -> None:
        try:
            usual(self, flags, data)
        except (ValueError, ArithmeticError, OSError, LookupError, RecursionError, TypeError) as error:
            for name in self.__slots__:
                setattr(self, name, None)
            self.headers = {MALFORMED: f"cannot be decoded: {type(error).__name__}"}

    def short_text(value: bytes) -> tuple[int, str]:
        length = value[0] if value else 0
        return length + 1, value[1 : length + 1].decode("utf-8", "replace")

    spec.Basic.Properties.unmarshal = unmarshal  # type: ignore[method-assign]
    decode.METHODS["shortstr"] = short_text
