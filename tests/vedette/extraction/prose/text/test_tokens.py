"""Words of a text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.extraction.prose.text.blocks import Block
from vedette.extraction.prose.text.sentences import sentences
from vedette.extraction.prose.text.tokens import MAX_TOKEN, Place, tokens


def _words(text: str, whole: tuple[Place, ...] = ()) -> list[str]:
    return [text[start:end] for start, end in tokens(text, 0, len(text), whole)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It can't be Cisco's.", "It ca n't be Cisco 's ."),
        ("We cannot say; they\u2019re gone.", "We can not say ; they \u2019re gone ."),
        ("users' data", "users ' data"),
        ('the "zero-day" (a 0-day) flaw', 'the " zero-day " ( a 0-day ) flaw'),
        ("from the U.S. by Acme Inc., e.g. Mr. Doe", "from the U.S. by Acme Inc. , e.g. Mr. Doe"),
        ("see Fig. 3 and No. 5, no. The fig.", "see Fig. 3 and No. 5 , no . The fig ."),
        ("Jennifer M. Anderson took vitamin C.", "Jennifer M. Anderson took vitamin C ."),
        ("version 2.4.1, v7.2(1)b and 2.x", "version 2.4.1 , v7.2(1)b and 2.x"),
        ("at 10:30 on 24/12/2020 for $1,200 (20%)", "at 10:30 on 24/12/2020 for $ 1,200 ( 20 % )"),
        ("See https://acme.example/a_(b)?c=d.", "See https://acme.example/a_(b)?c=d ."),
        ("(www.acme.example), a@b.example!", "( www.acme.example ) , a@b.example !"),
        ("run C:\\Windows\\a.exe, then /etc/passwd.", "run C:\\Windows\\a.exe , then /etc/passwd ."),
        ("lib/a/b.php and cgi-bin/enc.cgi", "lib/a/b.php and cgi-bin/enc.cgi"),
        ("Windows/Linux, I/O, and/or", "Windows / Linux , I/O , and / or"),
        ("strcpy() in std::string of .NET and C++", "strcpy() in std::string of .NET and C++"),
        ("Trojan:Win32/Emotet.A uses --help @user #tag", "Trojan:Win32/Emotet.A uses --help @user #tag"),
        ("What?! No ... yes---no", "What ?! No ... yes --- no"),
        ("“market.”", "“ market . ”"),
        ("Node.js and Trojan.Win32.Agent", "Node.js and Trojan.Win32.Agent"),
        ("cafe\u0301 a\u200bb", "cafe\u0301 a b"),
        ("", ""),
        (" \t\n\ufeff", ""),
        ("x", "x"),
    ],
)
def test_words_are_cut_as_the_training_data_cuts_them(text: str, expected: str) -> None:
    assert _words(text) == expected.split()


def test_what_is_to_be_whole_is() -> None:
    text = "at evil[.]com/a b, then"
    assert _words(text, ((3, 17),)) == ["at", "evil[.]com/a b", ",", "then"]
    # Those of other parts are passed over, those that reach into this one cut.
    assert tokens(text, 5, 15, ((0, 2), (3, 17), (20, 22))) == [(5, 15)]
    assert tokens(text, 18, 23, ((0, 2), (3, 17))) == [(19, 23)]


def test_words_have_a_longest() -> None:
    text = "a" * 2_500 + " b"
    assert tokens(text, 0, len(text)) == [(0, MAX_TOKEN), (MAX_TOKEN, 2 * MAX_TOKEN), (2_000, 2_500), (2_501, 2_502)]
    assert _words("x" * 70 + "n't")[-1].endswith("n't")


_HOSTILE = st.text(
    st.one_of(
        st.sampled_from("ab1A .,-/\\:@%'\u2019()[]<>\"\n\t|#$&=+~*?!_\x00\u200b\u0301\u202e\u05d0\u0627漢😀"),
        st.characters(),
        st.characters(categories=["Cs"]),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(_HOSTILE, st.lists(st.integers(0, 60), max_size=6))
def test_tokens_and_the_space_between_them_are_the_text(text: str, cuts: list[int]) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts})
    whole = [(first, last) for first, last in zip(places[::2], places[1::2], strict=False) if first < last]
    found = tokens(text, 0, len(text), whole)
    at = 0
    for start, end in found:
        assert at <= start < end <= len(text)
        assert end - start <= MAX_TOKEN
        assert not text[at:start].strip("\u200b\u2060\ufeff \t\n").strip()
        at = end
    assert not text[at:].strip("\u200b\u2060\ufeff \t\n").strip()
    assert set(whole) <= set(found)


_UNITS = ("a", "-.", "a/-.", "www.)", "a-.", "%a", "a::", "1(", "/-", "a@", "A.", "\u0301", "(((www.a)", "[.]")


@pytest.mark.parametrize("unit", _UNITS)
def test_the_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        runs = []
        for _ in range(3):
            begun = time.process_time()
            sentences(text, Block(0, size, "prose"))
            runs.append(time.process_time() - begun)
        return min(runs)

    # Ten times the text: ten times the time, where a quadratic pattern takes a hundred times.
    assert seconds(15_000) <= 40 * seconds(1_500) + 0.2
