"""Functions and parameters that a vulnerability's text names: `parse_header()`, "the id parameter"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vedette.extraction.prose.indicators.found import Found

_NAME = r"[A-Za-z_$][\w$]{0,60}"
_QUALIFIED = rf"{_NAME}(?:(?:::~?|->|\.|\\){_NAME}){{0,4}}"
_OPEN = "[\"'`\u201c\u2018]"
_CLOSE = "[\"'`\u201d\u2019]"
_CALL = re.compile(rf"(?<![\w$.:>\\-])({_QUALIFIED})\((?:\.\.\.|\d)?\)")
_CALLED = re.compile(
    rf"(?<![\w$.:>\\-]){_OPEN}?({_QUALIFIED}){_CLOSE}? "
    r"(?:function|method|procedure|ioctl|syscall|system call|macro)s?\b"
    rf"|\b(?:function|method|procedure|ioctl|syscall) {_OPEN}?({_QUALIFIED})(?![\w$(])"
)
_LOOKS_CODED = re.compile(r"[A-Za-z$\d]_[A-Za-z$\d]|[a-z][A-Z]|::|->|^_|\w\.\w|[A-Za-z]\d+[A-Za-z_]")

_ITEM = r"[\w$.\[\]-]{1,60}"
_KIND = r"(?:(?:GET|POST|URL|HTTP|query|request|cookie|form|JSON|XML|REST|API|string|input) ){0,2}"
_WORD = r"(?:parameter|argument|variable|cookie|header field|form field)"
_NUMBERED = re.compile(
    rf"\(\d{{1,2}}\) ({_ITEM})(?=(?:,? (?:and |or )?\(\d{{1,2}}\) {_ITEM}){{0,30}},? {_KIND}{_WORD}s?\b)"
)
_QUOTED = re.compile(rf"{_OPEN}({_ITEM}){_CLOSE} {_KIND}{_WORD}s?\b")
_PLAIN = re.compile(rf"\b(?:the|via|in|of|to|using|through) ({_ITEM}) {_KIND}{_WORD}\b")
_LISTED = re.compile(rf"\b(?:the|via|in|of) ({_ITEM})(?:, ({_ITEM}))?,? (?:and|or) ({_ITEM}) {_KIND}{_WORD}s\b")
_BEHIND = re.compile(
    rf"\bof the (?:argument|parameter) ({_ITEM})"
    rf"|\b(?:parameter|argument) (?:named |called )?"
    rf"(?:{_OPEN}({_ITEM}){_CLOSE}|([A-Za-z$]\w{{0,40}}[_\[][\w\]]{{1,40}}))"
)
_COMMON_WORDS = """
the a an this that these those it its which who what when where crafted following same first second third last
certain vulnerable affected malicious long short specific multiple unspecified user input request query url
other another new old configuration given one two three required optional invalid several some any all each
every no unknown single different additional command-line command line numeric integer string boolean size
length large negative arbitrary special untrusted unsanitized default hidden named called is was are of in to
for and or with from via by on at value values type name-value environment global local static function method
http get post cookie header field form injection pollution handling validation passed
"""
_NO_NAMES = frozenset(_COMMON_WORDS.split())


def find_functions(text: str) -> Iterator[Found]:
    """Yield the functions of a sentence: names with `()`, and names like code's that are said to be functions."""
    for found in _CALL.finditer(text):
        yield Found(found.start(), found.end(), "FUNCTION", found[1])
    for found in _CALLED.finditer(text):
        group = 1 if found[1] else 2
        if _LOOKS_CODED.search(found[group]):
            yield Found(found.start(group), found.end(group), "FUNCTION", "")


def find_parameters(text: str) -> Iterator[Found]:
    """Yield the parameters of a sentence: what stands before or behind the word, and is no common word."""
    for pattern in (_NUMBERED, _QUOTED, _LISTED, _PLAIN, _BEHIND):
        for found in pattern.finditer(text):
            for group in range(1, pattern.groups + 1):
                name = found[group]
                if name and name.lower() not in _NO_NAMES and any(one.isalpha() for one in name):
                    end = found.end(group) - (len(name) - len(name.rstrip(".-")))
                    yield Found(found.start(group), end, "PARAMETER", "")
