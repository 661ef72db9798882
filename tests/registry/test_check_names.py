"""Checks by name: what they run at what, and more only where two would be called the same."""

from __future__ import annotations

from typing import Any

import pytest

from registry.check_names import CheckNames, names_of
from registry.database import Database
from registry.intake import Intake

NMAP = ["/usr/bin/nmap", "-oX", "-", "192.0.2.1"]


def meta(command: Any = NMAP, target: Any = "192.0.2.1", agent: Any = "a@x") -> dict[str, Any]:
    """What an item says of its check."""
    return {"command": command, "target": target, "agent": agent}


@pytest.mark.parametrize(
    ("metas", "names"),
    [
        ([meta()], ["nmap 192.0.2.1"]),
        ([meta(["vedette:packages"], None)], ["packages"]),
        ([meta(), meta(agent="b@x")], ["nmap 192.0.2.1 by a@x", "nmap 192.0.2.1 by b@x"]),
        (
            [meta(), meta(["nmap", "-p 22", "192.0.2.1"]), meta(["nmap", "b"], "b")],
            ["nmap -oX - 192.0.2.1 by a@x", "nmap '-p 22' 192.0.2.1 by a@x", "nmap b"],
        ),
        ([meta(), meta()], ["nmap 192.0.2.1 by a@x, 0", "nmap 192.0.2.1 by a@x, 1"]),
        ([meta(["/"], 7, None)], ["/"]),
    ],
    ids=["tool and target", "no target", "two agents", "two commands", "all the same", "odd"],
)
def test_a_check_is_called_as_briefly_as_tells_it_from_others(metas: list[Any], names: list[str]) -> None:
    assert list(names_of({str(number): one for number, one in enumerate(metas)}).values()) == names


@pytest.mark.parametrize("command", [None, "nmap", [], [1], [""], {"0": "nmap"}], ids=repr)
def test_without_a_command_it_has_no_name(command: Any) -> None:
    assert names_of({"a": meta(command), "b": meta()}) == {"b": "nmap 192.0.2.1"}


async def test_the_newest_item_tells(database: Database, intake: Intake, sender: Any) -> None:
    old, new, other = (
        sender.item(check=check, command=[tool], target="here")
        for check, tool in (("one", "ping"), ("one", "nmap"), ("two", "dig"))
    )
    await intake.commit([sender.deliver(new, received_at=20)])
    await intake.commit([sender.deliver(old, other, received_at=10)])
    names = CheckNames(database=database)
    assert await names.of(["one", "two", "three", "\0", "\ud800"]) == {"one": "nmap here", "two": "dig here"}
    assert await names.of([]) == {}
