"""A document in a form (multipart/form-data, RFC 7578): one file, streamed, and fields that say what it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from vedette.documents.description import MAX_ENTRIES
from vedette.messages.limits import MAX_TEXT
from web.api.problems import ProblemError

OVERHEAD = 256 * 1024
"""Bytes of a form beside its file."""

_MAX_HEADER = 4096


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary of a form; None where it is not one.

    Raises:
        ProblemError: 400, it is one without a boundary.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return None
    boundary = options.get(b"boundary", b"")
    # RFC 2046, 5.1.1.
    if not 1 <= len(boundary) <= 70:
        raise ProblemError(400, "the form has no boundary of 1 to 70 characters")
    return boundary


class FormUpload:
    """Takes the file out of a form while the form still comes."""

    def __init__(self, boundary: bytes, *, default_type: str) -> None:
        self.content_type = default_type
        """MIME type of the file, known once its first piece is."""
        self._fields: list[tuple[str, str]] = []
        self._filename = ""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_size=_MAX_HEADER,
        )
        self._headers: dict[bytes, bytes] = {}
        self._header = (bytearray(), bytearray())
        self._field: bytes | None = None
        self._value = bytearray()
        self._file = bytearray()
        self._files = 0
        self._ended = False

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What is said of the file; complete once all pieces came."""
        named = any(name == "name" for name, _ in self._fields)
        return [*self._fields, *([("name", self._filename)] if self._filename and not named else [])]

    async def pieces(self, body: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the file.

        Raises:
            ProblemError: 400, the form is not one, has no file or several, or says too much.
        """
        try:
            async for piece in body:
                self._parser.write(piece)
                if self._file:
                    yield bytes(self._file)
                    self._file.clear()
            self._parser.finalize()
        except MultipartParseError as error:
            raise ProblemError(400, f"the body is not a form: {error}") from error
        if not self._ended or self._files != 1:
            raise ProblemError(400, "send a whole form with exactly one file in it")

    def _on_part_begin(self) -> None:
        self._headers.clear()
        self._value.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise ProblemError(400, "a part of the form has no Content-Disposition with a name")
        if b"filename" not in options:
            self._field = options[b"name"]
            return
        self._field = None
        self._files += 1
        if self._files > 1:
            raise ProblemError(400, "the form has more than one file")
        self._filename = _text(options[b"filename"])
        self.content_type = _text(self._headers.get(b"content-type", b"")) or self.content_type

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field is None:
            self._file += data[start:end]
            return
        self._value += data[start:end]
        if len(self._value) > 4 * MAX_TEXT:
            raise ProblemError(400, "a field of the form is too long")

    def _on_part_end(self) -> None:
        if self._field is None:
            return
        # Fields that are not kept count, too: a form is no way around the limit.
        if len(self._fields) >= 2 * MAX_ENTRIES:
            raise ProblemError(400, "the form has too many fields")
        self._fields.append((_text(self._field), _text(bytes(self._value))))

    def _on_end(self) -> None:
        self._ended = True


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ProblemError(400, "a name or value in the form is not UTF-8") from error
