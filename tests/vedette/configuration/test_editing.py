"""Given a vedette.yml that somebody wrote, when an authority joins or leaves, then nothing else of it changes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.configuration.editing import EditError, with_authority, without_authority
from vedette.configuration.fleet import FleetConfiguration
from vedette.configuration.loading import parse
from vedette.errors import ConfigurationError

ENTRY = {"name": "far", "url": "https://tsa.example/tsr", "roots": "roots/far.pem"}
ADDED = "- name: far\n  url: https://tsa.example/tsr\n  roots: roots/far.pem\n"


def indented(spaces: int) -> str:
    return "".join(" " * spaces + line for line in ADDED.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("data: var", "data: var\ntsa:\n  - name: local\n" + indented(2)),
        ("tsa:\n- name: local\ndata: var\n", "tsa:\n- name: local\n" + ADDED + "data: var\n"),
        (
            "tsa: # who stamps\n  - name: local # ours\n\n# where\ndata: var # here\n",
            "tsa: # who stamps\n  - name: local # ours\n" + indented(2) + "\n# where\ndata: var # here\n",
        ),
        (
            "tsa:\n    - name: local\n    # last words",
            "tsa:\n    - name: local\n" + indented(4) + "    # last words",
        ),
        ("tsa:\n  - name: local", "tsa:\n  - name: local\n" + indented(2)),
        (
            "tsa:\n  -\n    # the first\n    name: local\n    url: >-\n      local\n\nlog_json: true\n",
            "tsa:\n  -\n    # the first\n    name: local\n    url: >-\n      local\n\n"
            + indented(2)
            + "log_json: true\n",
        ),
        ("tsa:\n  - {name: local}\n", "tsa:\n  - {name: local}\n" + indented(2)),
        ("tsa:\r\n  - name: local\r\n", ("tsa:\n  - name: local\n" + indented(2)).replace("\n", "\r\n")),
        ("---\ntsa:\n  - name: local\n...\n", "---\ntsa:\n  - name: local\n" + indented(2) + "...\n"),
        ('"tsa":\n  - name: "local"\n', '"tsa":\n  - name: "local"\n' + indented(2)),
    ],
    ids=range(10),
)
def test_an_entry_is_put_behind_the_last_and_the_rest_stays(before: str, after: str) -> None:
    assert with_authority(before, ENTRY, place="x") == after
    if "tsa" in before:
        # Taking it out again gives back the file, but for a missing end of the last line.
        assert without_authority(after, "far", place="x").rstrip("\r\n") == before.rstrip("\r\n")


@pytest.mark.parametrize(
    "text",
    [
        '{"tsa": [{"name": "local"}]}',
        "{tsa: [{name: local}]}",
        "tsa: [{name: local}]\n",
        "tsa:\n  [\n    {name: local},\n  ]\n",
        "data: var\n...\n",
    ],
)
def test_what_cannot_be_added_to_is_left_alone_and_says_what_to_write(text: str) -> None:
    with pytest.raises(EditError) as caught:
        with_authority(text, ENTRY, place="vedette.yml")
    assert caught.value.advice.endswith(indented(2))
    assert str(caught.value).startswith("vedette.yml: tsa: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tsa:\n  - name: local\n  - name: far\n    roots: x\n    url: http://x/\n", "same name"),
        ("tsa:\n  - name: local\ntsa:\n  - name: other\n", "twice"),
        ("tsa: &a\n  - name: local\nprobes: *a\n", "aliases"),
        ("tsa: []\n", "at least 1"),
        ("tsa: {}\n", "tsa"),
        ("a: b\n", "unknown key"),
        ("a: [\n", "is not YAML"),
        ("- a\n", "must be an object"),
        ("", "must be an object"),
        ("tsa:\n" + "".join(f"  - name: local{number}\n" for number in range(8)), "at most 8"),
    ],
)
def test_a_configuration_that_is_wrong_before_or_after_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        with_authority(text, ENTRY, place="x")


def test_only_what_is_there_beside_another_can_be_taken_out() -> None:
    with pytest.raises(ConfigurationError, match="has no authority 'far'; it has local"):
        without_authority("tsa:\n  - name: local\n", "far", place="x")
    with pytest.raises(ConfigurationError, match="'local' is the only authority"):
        without_authority("tsa:\n  - name: local\n", "local", place="x")
    text = "tsa:\n  # ours\n  - name: local\n  # theirs\n" + indented(2) + "  # end\n"
    assert without_authority(text, "local", place="x") == "tsa:\n  # ours\n  # theirs\n" + indented(2) + "  # end\n"
    with pytest.raises(EditError, match="not written as a list"):
        without_authority("tsa: [{name: local}, {name: far, url: 'http://x/', roots: x}]\n", "far", place="x")


ENTRIES = st.sampled_from(
    [
        "- name: {}\n",
        "- name: {} # theirs\n  url: local\n",
        "-\n  # above\n  name: {}\n\n  url: >-\n    local\n",
        "- {{name: {}, url: local}}\n",
        "- name: {}\n  url: http://tsa.example/#x\n  roots: 'a: b'\n",
        '- "name": "{}"\n  url: |-\n    local\n',
        "- name: >-\n    {}\n  time_limit:\n    3\n",
        "- url:\n    local\n  name: {}\n  # below\n",
    ]
)
BETWEEN = st.sampled_from(["", "", "\n", "# a word\n", "   # a word\n", "\n\n# two\n\n"])
OTHERS = st.permutations(
    ["data: var\n", "log_json: true # yes\n", "batch:\n  items: 7\n  # inside\n", "probes:\n- a.json\n- b.json\n"]
)


@st.composite
def written(draw: st.DrawFn) -> str:
    """A configuration as somebody might write it."""
    pad = " " * draw(st.integers(0, 4))
    entries = draw(st.lists(ENTRIES, min_size=1, max_size=3))
    text = "".join(entry.format(f"tsa{number}") + draw(BETWEEN) for number, entry in enumerate(entries))
    lines = [line if line.startswith(("#", " " * 3 + "#")) else pad + line for line in text.splitlines(keepends=True)]
    block = draw(st.sampled_from(["tsa:\n", "tsa: # all\n", "'tsa':\n\n"])) + "".join(lines)
    others = [other + draw(BETWEEN) for other in draw(OTHERS)]
    others.insert(draw(st.integers(0, len(others))), block if draw(st.integers(0, 4)) else "")
    whole = draw(BETWEEN) + "".join(others)
    whole = whole.replace("\n", "\r\n") if draw(st.booleans()) else whole
    return whole if draw(st.booleans()) else whole.rstrip("\r\n")


@given(written())
@settings(derandomize=True, deadline=None, max_examples=80)
def test_whatever_is_written_is_changed_rightly(text: str) -> None:
    try:
        old = parse(text, "x", FleetConfiguration, syntax="yaml")
    except ConfigurationError:
        return
    changed = with_authority(text, ENTRY, place="x")
    new = parse(changed, "x", FleetConfiguration, syntax="yaml")
    assert [one.name for one in new.tsa] == [*(one.name for one in old.tsa), "far"]
    assert new.model_copy(update={"tsa": old.tsa}) == old
    kept = iter(changed.splitlines())
    assert all(line in kept for line in text.splitlines()), "a line of the user's is gone or moved"
    assert parse(without_authority(changed, "far", place="x"), "x", FleetConfiguration, syntax="yaml") == old
    first = new.tsa[0].name
    less = parse(without_authority(changed, first, place="x"), "x", FleetConfiguration, syntax="yaml")
    assert less.tsa == new.tsa[1:]
