"""`vedette check-config` of what is shared: where, when, and what is wrong with it before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vedette.cli.inspection_sharing import inspect_sharing, sharing_lines
from vedette.cli.misp_agent import run_misp_agent
from vedette.configuration.fleet import FleetConfiguration, FleetPaths, load_fleet
from vedette.errors import ConfigurationError


def fleet(folder: Path, section: str) -> tuple[FleetConfiguration, FleetPaths]:
    """Read a fleet's file with a section `sharing`."""
    file = folder / "vedette.yml"
    file.write_text(f"sharing:\n{section}")
    return load_fleet(file)


def hook(folder: Path, **changes: Any) -> str:
    """Return a destination with a key."""
    (folder / "hook.key").write_text("secret")
    (folder / "hook.key").chmod(changes.pop("mode", 0o600))
    settings = {"name": "hook", "exporter": "webhook", "url": "https://example.org/", "key_file": "hook.key"}
    parts = ", ".join(f"{key}: {value}" for key, value in (settings | changes).items() if value is not None)
    return f"  destinations: [{{{parts}}}]\n"


def test_it_says_what_goes_where(tmp_path: Path) -> None:
    shares = "  shares: [{name: scans, select: type=scan, per: target, to: [hook], proof: true, when: automatic}]\n"
    lines = sharing_lines(*fleet(tmp_path, hook(tmp_path) + shares))
    assert lines[0] == "misp (in the hub) exports to hook (webhook, up to tlp:amber)"
    assert lines[1] == ("  scans: type=scan, one investigation for each target, to hook, automatic, once proved")
    assert "waits for a proof for ever" in lines[2]
    assert sharing_lines(*fleet(tmp_path, "  organisation: Us\n")) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exporter": "webhok"}, "did you mean 'webhook'"),
        ({"ulr": "x"}, "did you mean 'url'"),
        ({"key_file": None}, "is required"),
        ({"key_file": "none.key"}, "none.key: cannot be read"),
        ({"mode": 0o644}, "chmod 600"),
    ],
)
def test_what_is_wrong_with_a_destination_is_one_line(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        inspect_sharing(*fleet(tmp_path, hook(tmp_path, **changes)))


@pytest.mark.parametrize(
    ("share", "reason"),
    [
        ("{name: s, select: 'colour=red', to: [hook]}", "KEY=VALUE"),
        ("{name: s, select: 'type=scan', to: [other]}", "no destination 'other'"),
        ("{name: s, select: 'type=scan', to: [hook, hook]}", "twice"),
        ("{name: s, select: 'target=192.0.2.7', per: target, to: [hook]}", "leave out per"),
        ("{name: s, select: 'text=nginx', per: target, to: [hook]}", "cannot be combined"),
        ("{name: s, select: 'type=scan', to: [hook]}, {name: s, select: 'type=scan', to: [hook]}", "same name"),
    ],
)
def test_what_is_wrong_with_a_share_is_one_line(tmp_path: Path, share: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        fleet(tmp_path, f"{hook(tmp_path)}  shares: [{share}]\n")


async def test_who_has_no_agent_of_its_own_is_told_so(tmp_path: Path) -> None:
    for section, reason in (("  organisation: Us\n", "nowhere to bring"), (hook(tmp_path), "the hub runs the agent")):
        fleet(tmp_path, section)
        with pytest.raises(ConfigurationError, match=reason):
            await run_misp_agent(tmp_path / "vedette.yml")


def test_a_setting_is_in_no_repr(tmp_path: Path) -> None:
    configuration, _ = fleet(tmp_path, hook(tmp_path, url="https://user:pass@example.org/"))
    assert "pass" not in repr(configuration.sharing)
    assert configuration.sharing.destination("hook").settings["url"] == "https://user:pass@example.org/"


def test_a_destination_that_nothing_may_go_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set tlp: green in the policy"):
        fleet(tmp_path, hook(tmp_path, policy="{ceiling: green}"))
    configuration, _ = fleet(tmp_path, hook(tmp_path, policy="{ceiling: green, tlp: green}"))
    assert configuration.sharing.policy_of("hook").tlp == "green"


def test_into_a_file_goes_what_all_is_marked_with(tmp_path: Path) -> None:
    configuration, _ = fleet(tmp_path, "  tlp: amber+strict\n")
    policy = configuration.sharing.policy_of(None)
    assert (policy.tlp, policy.ceiling) == ("amber+strict", "amber+strict")
    configuration, _ = fleet(tmp_path, "  tlp: green\n")
    assert configuration.sharing.policy_of(None).ceiling == "amber"
