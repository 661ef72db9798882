"""Strict DER (ITU-T X.690): a reader that refuses every other encoding, and pieces to write it.

Evidence is judged over its original bytes, so two readers must never be able to see two different things in
them: indefinite or padded lengths, padded integers, bytes left over are all refused. Writing joins pieces by
hand, which is about a hundred times faster than building asn1crypto's objects.
"""

from __future__ import annotations

from functools import lru_cache

from vedette.errors import EvidenceError

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTF8_STRING, GENERALIZED_TIME, SEQUENCE, SET = 0x0C, 0x18, 0x30, 0x31

MAX_DEPTH = 32
"""Deepest nesting that is read; a real token has about ten levels."""


class EncodingError(EvidenceError):
    """Bytes are not the DER that they must be; the message names the field."""


class Element:
    """One DER value inside the bytes that it came from."""

    __slots__ = ("_body", "_data", "_end", "_start", "tag")

    def __init__(self, data: bytes, *, start: int, body: int, end: int) -> None:
        self._data = data
        self._start = start
        self._body = body
        self._end = end
        self.tag: int = data[start]
        """The identifier octet."""

    @property
    def raw(self) -> bytes:
        """The whole encoding: tag, length and content."""
        return self._data[self._start : self._end]

    @property
    def content(self) -> bytes:
        """The content octets."""
        return self._data[self._body : self._end]

    def reader(self) -> Reader:
        """Return a reader of the values inside."""
        return Reader(self._data, start=self._body, end=self._end)


class Reader:
    """Reads DER values in order; `what` names the field in errors."""

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, *, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._position = start
        self._end = len(data) if end is None else end

    def copy(self) -> Reader:
        """Return a reader at the same place, to look ahead with."""
        return Reader(self._data, start=self._position, end=self._end)

    def peek(self) -> int | None:
        """Return the next value's identifier octet; None at the end."""
        return self._data[self._position] if self._position < self._end else None

    def element(self, what: str, tag: int | None = None) -> Element:
        """Return the next value.

        Raises:
            EncodingError: there is none, it has another tag, or it is not DER.
        """
        start = self._position
        if start + 2 > self._end:
            raise EncodingError(f"{what}: missing or cut off")
        found = self._data[start]
        if tag is not None and found != tag:
            raise EncodingError(f"{what}: has tag 0x{found:02x}, must be 0x{tag:02x}")
        if found & 0x1F == 0x1F:
            raise EncodingError(f"{what}: long tags do not occur here")
        body, length = self._length(start + 1, what)
        end = body + length
        if end > self._end:
            raise EncodingError(f"{what}: longer than what holds it")
        self._position = end
        return Element(self._data, start=start, body=body, end=end)

    def _length(self, at: int, what: str) -> tuple[int, int]:
        """Return where the content starts and its length (X.690 section 10.1: definite, shortest form)."""
        first = self._data[at]
        if first < 0x80:
            return at + 1, first
        size = first & 0x7F
        octets = self._data[at + 1 : min(at + 1 + size, self._end)]
        if not 1 <= size <= 4 or len(octets) != size:
            raise EncodingError(f"{what}: its length is indefinite, too long or cut off")
        length = int.from_bytes(octets)
        if octets[0] == 0 or length < 0x80:
            raise EncodingError(f"{what}: its length is not in the shortest form")
        return at + 1 + size, length

    def optional(self, tag: int, what: str) -> Element | None:
        """Return the next value if it has this tag, else None."""
        return self.element(what, tag) if self.peek() == tag else None

    def enter(self, tag: int, what: str) -> Reader:
        """Return a reader of the next value's inside."""
        return self.element(what, tag).reader()

    def integer(self, what: str) -> int:
        """Return the next value, an INTEGER."""
        return to_integer(self.element(what, INTEGER).content, what)

    def octets(self, what: str) -> bytes:
        """Return the next value, the content of an OCTET STRING."""
        return self.element(what, OCTET_STRING).content

    def oid(self, what: str) -> str:
        """Return the next value, an OBJECT IDENTIFIER, dotted."""
        return to_oid(self.element(what, OBJECT_IDENTIFIER).content)

    def elements(self, what: str) -> list[Element]:
        """Return all values that are left."""
        found = []
        while self._position < self._end:
            found.append(self.element(what))
        return found

    def finish(self, what: str) -> None:
        """Check that nothing is left.

        Raises:
            EncodingError: bytes follow.
        """
        if self._position != self._end:
            raise EncodingError(f"{what}: {self._end - self._position} bytes follow that do not belong there")


def read_whole(data: bytes, tag: int, what: str) -> Reader:
    """Return a reader of the inside of the one value that `data` is; trailing bytes are refused.

    Raises:
        EncodingError: it is not one DER value with this tag.
    """
    outer = Reader(data)
    inner = outer.enter(tag, what)
    outer.finish(what)
    return inner


def to_integer(content: bytes, what: str) -> int:
    """Return the value of an INTEGER's content (X.690 section 8.3.2: shortest form).

    Raises:
        EncodingError: it is empty or padded.
    """
    if not content:
        raise EncodingError(f"{what}: an integer needs at least one byte")
    if len(content) > 1 and (content[0], content[1] >> 7) in {(0, 0), (0xFF, 1)}:
        raise EncodingError(f"{what}: a padded integer")
    return int.from_bytes(content, signed=True)


@lru_cache(maxsize=512)
def to_oid(content: bytes) -> str:
    """Return an OBJECT IDENTIFIER's content as dotted text (X.690 section 8.19).

    Raises:
        EncodingError: it is empty, cut off or padded.
    """
    arcs: list[int] = []
    value, fresh = 0, True
    for octet in content:
        if fresh and octet == 0x80:
            raise EncodingError("object identifier: a padded arc")
        value = value << 7 | octet & 0x7F
        fresh = octet < 0x80
        if fresh:
            arcs.append(value)
            value = 0
    if not arcs or not fresh or len(content) > 64:
        raise EncodingError("object identifier: empty, cut off or too long")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def check_nested(data: bytes, what: str, depth: int = 0) -> None:
    """Check that values which are kept but not read are DER in their outer form, all the way down.

    Raises:
        EncodingError: a length is not, or they nest too deep.
    """
    if depth > MAX_DEPTH:
        raise EncodingError(f"{what}: nested too deep")
    for element in Reader(data).elements(what):
        if element.tag & 0x20:
            check_nested(element.content, what, depth + 1)


def encode(tag: int, *parts: bytes) -> bytes:
    """Return one value with this tag around the joined parts."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of encoded parts."""
    return encode(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """Return a SET OF encoded parts, in DER's ascending order (X.690 section 11.6)."""
    return encode(SET, *sorted(parts))


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return encode(INTEGER, value.to_bytes(size, signed=True))


def octet_string(content: bytes) -> bytes:
    """Return an OCTET STRING."""
    return encode(OCTET_STRING, content)


@lru_cache(maxsize=512)
def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER.

    Raises:
        EncodingError: the text is not a dotted object identifier.
    """
    try:
        arcs = [int(arc) for arc in dotted.split(".")]
    except ValueError as error:
        raise EncodingError(f"{dotted!r} is not a dotted object identifier") from error
    if len(arcs) < 2 or min(arcs) < 0 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise EncodingError(f"{dotted!r} is not a dotted object identifier")
    return encode(OBJECT_IDENTIFIER, *map(_arc, (arcs[0] * 40 + arcs[1], *arcs[2:])))


def _arc(value: int) -> bytes:
    """Return one arc in base 128, most significant group first."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
