from __future__ import annotations

import uuid
from typing import Any

import pytest

from vedette.errors import ConfigurationError
from vedette.sharing.misp.exporter import Misp
from vedette.sharing.misp.options import OPTIONS, MispOptions

GROUP = "9e2f6b0c-5a3f-4a37-9b4f-0d8a1a2b3c4d"


def test_without_a_word_only_the_own_organisation_sees_it() -> None:
    assert MispOptions.of({"url": "https://misp.example"}, place="x") == MispOptions(distribution=0)


def test_a_sharing_group_is_the_distribution() -> None:
    found = MispOptions.of({"sharing_group": GROUP}, place="x")
    assert (found.distribution, found.sharing_group) == (4, uuid.UUID(GROUP))


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"distribution": 5}, "distribution"),
        ({"distribution": "1"}, "distribution"),
        ({"distribution": 4}, ""),
        ({"distribution": 1, "sharing_group": GROUP}, ""),
        ({"sharing_group": "everybody"}, "sharing_group"),
        ({"organisation_uuid": 7}, "organisation_uuid"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_setting(given: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        MispOptions.of(given, place="sharing.destinations.misp")
    assert caught.value.place == "sharing.destinations.misp"
    assert caught.value.key == key


def test_the_exporter_names_its_settings() -> None:
    assert Misp.required == {"url", "key_file"}
    assert OPTIONS | {"ca", "plain", "time_limit", "publish", "extends"} <= Misp.optional
