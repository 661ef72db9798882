from __future__ import annotations

import subprocess
import sys

import pytest

from vedette.sharing.exporter import ExportError
from vedette.sharing.misp.galaxies import ACTORS, MALWARE, TECHNIQUES, TOOLS, galaxy_tags, names_in
from vedette.sharing.misp.templates import attribute_types, package_data, read_data, relationship_names, template

ACTOR_TAGS = ['misp-galaxy:threat-actor="APT28"', 'misp-galaxy:mitre-intrusion-set="APT28 - G0007"']
T1190 = 'misp-galaxy:mitre-attack-pattern="Exploit Public-Facing Application - T1190"'


@pytest.mark.parametrize(
    ("galaxies", "name", "aliases", "tags"),
    [
        (ACTORS, "apt28", [], ACTOR_TAGS),
        (ACTORS, "G0007", [], ACTOR_TAGS),
        (ACTORS, "APT", [], []),
        (ACTORS, "APT28 and others", [], []),
        (ACTORS, "Nobody", ["APT28"], ACTOR_TAGS),
        (ACTORS, "Nobody", ["APT28", "No One", "apt28"], ACTOR_TAGS),
        (ACTORS, "Nobody", ["APT28", "APT29"], []),
        (ACTORS, "APT28", ["APT29"], ACTOR_TAGS),
        (TECHNIQUES, "t1190", [], [T1190]),
        (TECHNIQUES, "exploit public-facing application - t1190", [], [T1190]),
        (MALWARE, "emotet", [], ['misp-galaxy:mitre-malware="Emotet - S0367"', 'misp-galaxy:malpedia="Emotet"']),
        (TOOLS, "mimikatz", [], ['misp-galaxy:mitre-tool="Mimikatz - S0002"']),
        (TOOLS, "", [""], []),
    ],
)
def test_a_tag_is_for_a_name_that_is_one_clusters_whatever_the_case(
    galaxies: tuple[str, ...], name: str, aliases: list[str], tags: list[str]
) -> None:
    assert galaxy_tags(galaxies, name, aliases) == tags


def test_what_several_are_called_is_no_tag() -> None:
    """ATT&CK has `Domains` below two techniques: the number tells which."""
    assert galaxy_tags(TECHNIQUES, "Domains") == []
    assert galaxy_tags(TECHNIQUES, "T1583.001") == ['misp-galaxy:mitre-attack-pattern="Domains - T1583.001"']


def test_a_clusters_own_name_comes_before_synonyms_of_others() -> None:
    names = names_in("threat-actor")
    for name, cluster in names.own.items():
        if cluster is not None:
            assert names.cluster(name) == cluster


def test_no_tag_breaks_out_of_its_quotes() -> None:
    for galaxy in (*ACTORS, *MALWARE, *TECHNIQUES, *TOOLS):
        names = names_in(galaxy)
        assert not [one for one in (*names.own.values(), *names.synonyms.values()) if one and '"' in one]


def test_templates_say_what_objects_consist_of() -> None:
    known = template("malware")
    assert known.required == {"is_family"}
    assert (known.relations["name"].type, known.relations["alias"].multiple) == ("text", True)
    assert template("ip-port").relations["dst-port"].category == "Network activity"
    assert attribute_types()["ip-dst"].alarms
    assert {"affects", "resolves-to", "communicates-with", "derived-from"} <= relationship_names()
    for name in ("scan-result", "file", "vulnerability"):
        for relation in template(name).relations.values():
            assert relation.category in attribute_types()[relation.type].categories


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(ExportError, match="install"):
        template("no-such-template")
    with pytest.raises(ExportError, match="not installed"):
        package_data("no_such_package_of_anybody")
    with pytest.raises(ExportError, match="cannot be read"):
        read_data(package_data("pymisp"))


def test_an_event_is_made_without_importing_pymisp() -> None:
    """It takes half a second and 40 MB, in processes that have none to spare."""
    code = (
        "import sys, uuid\n"
        "from vedette.sharing.investigation import Investigation\n"
        "from vedette.sharing.misp.exporter import Misp\n"
        "from vedette.sharing.misp.event import misp_event\n"
        "misp_event(Investigation(instance=uuid.UUID(int=1), key='k', kind='search', title='t'))\n"
        "print(sorted({'pymisp', 'pymispgalaxies', 'requests', 'spade'} & {*sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
