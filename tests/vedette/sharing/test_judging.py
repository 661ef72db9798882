"""What a policy lets go: types, markings, accounts, secrets, and a reason for each thing that stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sharing_cases import everything, hostile
from tests.sharing_parts import accused, edge, fact, scan
from vedette.errors import RefusedError
from vedette.sharing.investigation import Fact, Tlp
from vedette.sharing.judging import Judge, SharedItem
from vedette.sharing.policy import SharingPolicy


def judge(**policy: object) -> Judge:
    return Judge(SharingPolicy.model_validate(policy))


def kept(facts: list[Fact], **policy: object) -> set[str]:
    judging = judge(**policy)
    return {fact.vertex.name for fact in facts if judging.fact(fact) is not None}


IP, DOMAIN, MALWARE = fact("IP", "192.0.2.7"), fact("Observable/Domain Name", "a.test"), accused("Malware", "Emotet")
ACCOUNT = fact("Observable/User Account", "alice")


def test_types_are_named_whole_or_by_their_first_word() -> None:
    facts = [IP, DOMAIN, MALWARE, ACCOUNT]

    assert kept(facts) == {"192.0.2.7", "a.test", "Emotet"}
    assert kept(facts, types=["IP", "Malware"]) == {"192.0.2.7", "Emotet"}
    assert kept(facts, types=["Observable"]) == {"a.test"}
    assert kept(facts, types=["Observable/User Account"]) == {"alice"}
    assert kept(facts, without=["Observable/Domain Name"]) == {"192.0.2.7", "Emotet"}
    assert kept(facts, types=["Observable", "Observable/User Account"], without=["Observable"]) == set()


def test_all_conditions_hold_together_and_what_stays_has_its_reason() -> None:
    sure = replace(IP, reviewed=True, confidence=0.9)
    judging = judge(reviewed=True, least_confidence=0.8)

    assert judging.fact(sure) is sure
    assert judging.fact(replace(sure, confidence=0.7)) is None
    assert judging.fact(replace(sure, reviewed=False)) is None
    assert judging.fact(replace(DOMAIN, reviewed=False)) is None
    assert [(one.what, one.reason.split(";")[0][:30]) for one in judging.withheld] == [
        ("vertex IP 192.0.2.7", "no person has said or decided "),
        ("vertex IP 192.0.2.7", "nobody is so sure of it as the"),
        ("vertex Observable/Domain Name a.test", "no person has said or decided "),
    ]


def test_many_of_a_kind_that_stay_for_the_same_reason_are_one_line() -> None:
    judging = judge(types=["Malware"])
    for number in range(1_000):
        judging.fact(fact("IP", f"10.0.{number // 250}.{number % 250}"))

    (one,) = judging.withheld
    assert (one.what, one.vertex) == ("1000 times vertex of type IP", "")


def test_markings_bind() -> None:
    red = fact("IP", "192.0.2.8", markings=("TLP:RED",))
    green = fact("IP", "192.0.2.9", tags=("tlp:green", "x"))
    odd = fact("IP", "192.0.2.10", marking=("tlp:purple",))
    judging = judge(tlp="clear", ceiling="amber")

    assert judging.fact(red) is None
    assert judging.fact(odd) is None
    assert judging.tlp is Tlp.CLEAR
    assert judging.fact(green) is green
    assert judging.tlp is Tlp.GREEN
    assert judging.keeps_item(SharedItem(uuid="1", source="a", tlp=Tlp.AMBER))
    assert not judging.keeps_item(SharedItem(uuid="2", source="a", tlp=Tlp.AMBER_STRICT))
    assert judging.tlp is Tlp.AMBER
    with pytest.raises(RefusedError, match=r"TLP:AMBER\+STRICT"):
        judge(tlp="amber+strict", ceiling="amber")


def test_items_go_by_source_and_proof() -> None:
    judging = judge(sources=["*.in.structured.#"], proved=True)

    assert judging.keeps_item(SharedItem(uuid="1", source="v.in.structured.x.y", state="strong"))
    assert not judging.keeps_item(SharedItem(uuid="2", source="v.in.structured.x.y", state="self-asserted"))
    assert not judging.keeps_item(SharedItem(uuid="3", source="v.in.unstructured.x", state="proved"))
    assert not judging.keeps_item(SharedItem(uuid="4", source="", state="proved"))


@pytest.mark.parametrize(
    "property",
    [
        {"password": "hunter2"},
        {"userPasswd": "hunter2"},
        {"x_api_key": "hunter2"},
        {"clientSecret": "hunter2"},
        {"accessToken": "hunter2"},
        {"setCookie": "hunter2"},
        {"rawHeader": ("GET / HTTP/1.1\r\nAuthorization: Basic hunter2",)},
        {"rawHeader": ("Cookie: id=hunter2",)},
        {"references": ("see https://alice:hunter2@wiki.test/x",)},
    ],
)
def test_what_looks_like_a_secret_never_leaves(property: dict[str, str | tuple[str, ...]]) -> None:
    judging = judge(types=["Observable/User Account"])

    found = judging.fact(fact("Observable/User Account", "alice", uid="1000", publicKey="RSA", **property))

    assert found is not None
    assert dict(found.vertex.properties) == {"uid": "1000", "publicKey": "RSA"}
    assert "hunter2" not in repr((found, judging.withheld))
    assert [one.reason for one in judging.withheld] == ["it may hold a secret"]


def test_an_address_with_a_password_stays_and_is_not_repeated() -> None:
    judging = judge()

    assert judging.fact(fact("Observable/URI", "ftp://user:hunter2@files.test/x")) is None
    assert judging.fact(fact("Observable/URI", "ftp://user@files.test/x:y@z")) is not None
    assert "hunter2" not in repr(judging.withheld)


def test_edges_and_scans_know_only_what_leaves() -> None:
    judging = judge(raw=False, least_confidence=0.5)
    known = {one.vertex.id: one for one in (IP, DOMAIN)}
    sure, unsure = edge(DOMAIN, "Sub-Observable", IP), edge(IP, "Sub-Observable", DOMAIN, confidence=0.1)

    assert judging.edges([sure, unsure, edge(MALWARE, "UsesIP", IP)], known) == [sure]
    left = judging.scan(scan([IP, MALWARE]), known)
    assert (left.raw, left.vertices, len(left.services)) == (None, (IP.vertex.id,), 3)
    assert [one.what for one in judging.withheld] == ["edge Sub-Observable", f"output of item {left.item}"]


def test_whatever_is_in_it_it_is_judged_the_same_twice() -> None:
    for case in (everything(), hostile()):
        first, second = judge(ceiling="amber"), judge(ceiling="amber")
        assert [first.fact(one) for one in case.facts] == [second.fact(one) for one in case.facts]
        assert first.withheld == second.withheld
