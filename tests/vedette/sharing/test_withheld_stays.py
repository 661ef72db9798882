"""What is withheld is named to our own people only: in no form, event, bundle, row or document that goes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.sharing_cases import CASES
from vedette.sharing.exporter import ExporterCatalogue
from vedette.sharing.investigation import Withheld
from vedette.sharing.sinks.records import head_line, records_of

SECRET = "wh1thh3ld.example"
WITHHELD = Withheld(what=f"vertex IP {SECRET}", reason=f"{SECRET} is TLP:RED", vertex=f"stucco:{SECRET}")


@pytest.mark.parametrize("name", ["csv", "feed", "misp", "ndjson", "stix"])
@pytest.mark.parametrize("case", sorted(CASES))
def test_no_file_names_what_is_withheld(tmp_path: Path, name: str, case: str) -> None:
    exporter = ExporterCatalogue().exporter(name)
    path = tmp_path / "out"
    exporter.write([replace(CASES[case](), withheld=(WITHHELD,))], path)
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    assert files
    assert not [one for one in files if SECRET.encode() in one.read_bytes()]


@pytest.mark.parametrize("case", sorted(CASES))
def test_no_record_names_what_is_withheld(case: str) -> None:
    """Webhooks, databases and search servers get these."""
    found = replace(CASES[case](), withheld=(WITHHELD,))
    assert SECRET not in repr((head_line(found), list(records_of(found))))
