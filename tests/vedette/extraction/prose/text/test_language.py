"""Which language a text is in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vedette.extraction.prose.text.language import SAMPLE, is_read, language_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The attackers used a loader that was found in the network of the company last year.", "en"),
        ("Lazarus Group deploys new backdoor against defense contractors in several European countries", "en"),
        ("Die Angreifer nutzten eine Schwachstelle in der Software aus, um Schadcode auszuführen.", "de"),
        ("Les attaquants ont exploité une vulnérabilité dans le logiciel pour exécuter du code.", "fr"),
        ("Los atacantes explotaron una vulnerabilidad en el software de la empresa.", "es"),
        ("Злоумышленники использовали уязвимость в программном обеспечении.", "ru"),
        ("Emotet", ""),
        ("", ""),
        ("CVE-2021-44228 https://evil.example/a C:\\Windows\\system32\\a.exe 10.2.3.4 a_b.c", ""),
    ],
)
def test_languages(text: str, expected: str) -> None:
    assert language_of(text) == expected
    assert is_read(text) == (expected in {"en", ""})


def test_what_is_too_short_to_tell_is_read_if_it_may_be_english() -> None:
    assert is_read("Emotet is back")
    assert not is_read("攻撃者は脆弱性を悪用しました")
    assert not is_read("Новый вирус")


@pytest.mark.parametrize(
    "text", ["\x00" * 50, "\ud800" * 50, "a" * 100_000, "\u202e\u05d0\u0627 " * 2_000, "漢" * 5_000]
)
def test_any_text_has_an_answer(text: str) -> None:
    assert isinstance(language_of(text), str)
    assert language_of(text) == language_of(text[:SAMPLE])


def test_english_alone_needs_no_model() -> None:
    program = (
        "import sys\n"
        "from vedette.extraction.prose.text.language import language_of\n"
        "said = language_of('The attackers used a loader that was found in the network of the company last year.')\n"
        "print(said, 'py3langid' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["en", "False"]
