"""The `retention` list: each mistake is named, and nothing that deletes is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from vedette.configuration.fleet import load_fleet
from vedette.errors import ConfigurationError

GOOD = """
retention:
  - {name: court, source: "acme.in.#", keep: forever}
  - {name: logs, type: log, keep: 90d, minimum: proved}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "vedette.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_policies_are_read_in_their_order(tmp_path: Path) -> None:
    configuration, _ = load_fleet(written(tmp_path, GOOD))
    court, logs = (policy.rule for policy in configuration.retention)
    assert (court.keep, court.type, court.source) == (None, None, "acme.in.#")
    assert (logs.keep, logs.states) == (90 * 86_400_000_000, {"proved", "strong"})


def test_the_example_of_the_documentation_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "retention.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    configuration, _ = load_fleet(written(tmp_path, example))
    assert [policy.name for policy in configuration.retention] == ["court", "scans", "rest"]


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ("{name: a}", "keep"),
        ("{name: a, keep: 90}", "keep"),
        ("{name: a, keep: 0d}", "keep"),
        ("{name: a, keep: '-1d'}", "keep"),
        ("{name: a, keep: 1m}", "keep"),
        ("{name: a, keep: 90d, source: 'a..b'}", "source"),
        ("{name: a, keep: 90d, source: 'a*'}", "source"),
        ("{name: a, keep: 90d, minimum: pending}", "minimum"),
        ("{name: A B, keep: 90d}", "name"),
        ("{name: a, keep: 90d, delete: yes}", "delete"),
        ("{name: a, keep: 90d}\n  - {name: a, keep: 1d}", "retention"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, policy: str, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_fleet(written(tmp_path, f"retention:\n  - {policy}\n"))
    assert key in caught.value.key
