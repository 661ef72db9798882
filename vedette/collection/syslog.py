"""Syslog messages: their frames on a stream (RFC 6587), and what they say (RFC 5424, RFC 3164). Pure."""

from __future__ import annotations

import base64
import re
from typing import Any

from vedette.errors import VedetteError

MAX_MESSAGE = 64 * 1024
"""Bytes of a message; RFC 5424 section 6.1 asks for 2,048 at least."""

_COUNTED = re.compile(rb"([1-9]\d{0,8}) <")
_MAY_BE_COUNTED = re.compile(rb"[1-9]\d{0,8} ?")
_ENDS = re.compile(rb"[\n\0]")

_PRIORITY = re.compile(r"<(\d{1,3})>")
_HEADER = re.compile(r"([1-9]\d{0,2}) (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) ")
_ELEMENT = re.compile(r'\[([^ =\]"]{1,32})((?: [^ =\]"]{1,32}="(?:[^"\\\]]|\\.)*")*)\]', re.DOTALL)
_PARAMETER = re.compile(r' ([^ =\]"]{1,32})="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')
_OLD_TIME = re.compile(
    r"((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S{1,30}) "
)
_OLD_HOST = re.compile(r"([^\s:\[\]]{1,255}) ")
_OLD_TAG = re.compile(r"([^\s:\[\]]{1,48})(?:\[([^\s\]]{1,128})\])?: ?")
_DEFAULT_PRIORITY = 13
_MAX_PRIORITY = 191


class FramingError(VedetteError):
    """A stream is no syslog, or a message too long: what follows cannot be told apart any more."""


class Framing:
    """Messages of one stream: counted octets and ends of lines, told apart message by message (RFC 6587)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are whole now; one without an end is cut where it is too long.

        Raises:
            FramingError: a count is larger than a message may be.
        """
        rest = self._rest + data
        found: list[bytes] = []
        place = 0
        while place < len(rest):
            message, after = _next(rest, place)
            if message is None:
                break
            if message:
                found.append(message)
            place = after
        self._rest = rest[place:]
        return found

    def finish(self) -> list[bytes]:
        """Return what came after the last end, once the stream has ended."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def _next(rest: bytes, place: int) -> tuple[bytes | None, int]:
    """Return the next message, and where the one after it begins; None: it is not whole yet."""
    counted = _COUNTED.match(rest, place)
    if counted is not None:
        length = int(counted[1])
        if length > MAX_MESSAGE:
            raise FramingError(f"announces a message of {length} bytes; {MAX_MESSAGE} are taken")
        start = counted.end() - 1
        return (rest[start : start + length], start + length) if start + length <= len(rest) else (None, place)
    if _MAY_BE_COUNTED.fullmatch(rest, place):
        return None, place
    end = _ENDS.search(rest, place, place + MAX_MESSAGE + 1)
    if end is not None:
        return rest[place : end.start()].rstrip(b"\r"), end.end()
    if len(rest) - place > MAX_MESSAGE:
        return rest[place : place + MAX_MESSAGE], place + MAX_MESSAGE
    return None, place


def parse_message(data: bytes) -> dict[str, Any]:
    """Return what a message says; what is not in it is left out, and `raw` is all of it.

    Whatever it is, it is a message: one without a header is all text (RFC 3164 section 4.3.3).
    """
    text = data.decode("utf-8", errors="replace").rstrip("\r\n\0")
    said: dict[str, Any] = {"raw": text}
    if "\ufffd" in text:
        # Not what came any more.
        said["raw_base64"] = base64.b64encode(data).decode()
    priority, place = _DEFAULT_PRIORITY, 0
    found = _PRIORITY.match(text)
    if found is not None and int(found[1]) <= _MAX_PRIORITY:
        priority, place = int(found[1]), found.end()
    said["facility"], said["severity"] = divmod(priority, 8)
    header = _HEADER.match(text, place) if place else None
    said.update(_modern(text, header) if header is not None else _old(text, place))
    return {name: value for name, value in said.items() if value not in ("", "-", None, {})}


def _modern(text: str, header: re.Match[str]) -> dict[str, Any]:
    """Return what a message of RFC 5424 says."""
    _, timestamp, host, app, process, kind = header.groups()
    data, place = _structured(text, header.end())
    message = text[place:].removeprefix(" ").removeprefix("\ufeff")
    return {
        "timestamp": timestamp,
        "host": host,
        "app": app,
        "procid": process,
        "msgid": kind,
        "data": data,
        "message": message,
    }


def _structured(text: str, place: int) -> tuple[dict[str, dict[str, str]], int]:
    """Return the structured data (RFC 5424 section 6.3), and where the message begins."""
    if text.startswith("-", place):
        return {}, place + 1
    data: dict[str, dict[str, str]] = {}
    while (element := _ELEMENT.match(text, place)) is not None:
        values = {name: _ESCAPED.sub(r"\1", value) for name, value in _PARAMETER.findall(element[2])}
        data.setdefault(element[1], values)
        place = element.end()
    return data, place


def _old(text: str, place: int) -> dict[str, Any]:
    """Return what a message of RFC 3164 says, as far as it keeps to it: that is how they are found, not a rule."""
    said: dict[str, Any] = {}
    time = _OLD_TIME.match(text, place)
    if time is not None:
        said["timestamp"], place = time[1], time.end()
        host = _OLD_HOST.match(text, place)
        if host is not None:
            said["host"], place = host[1], host.end()
    tag = _OLD_TAG.match(text, place)
    if tag is not None:
        said["app"], said["procid"], place = tag[1], tag[2], tag.end()
    return said | {"message": text[place:]}
