"""STIX 1.x packages: components, observables and what relates them; hostile ones."""

from __future__ import annotations

import pytest

from tests.vedette.extraction.graphs import named, read, relations, said
from vedette.extraction.interface import Document, ExtractionError
from vedette.extraction.sources.stix import Stix

ACTOR = """
<x:STIX_Package>
  <x:STIX_Header>
    <x:Information_Source><Identity><Name>Acme CERT</Name></Identity></x:Information_Source>
  </x:STIX_Header>
  <x:Campaigns>
    <x:Campaign id="a:campaign-1"><Names><Name>Quiet Harbour</Name></Names>
      <Attribution><Attributed_Threat_Actor><Threat_Actor idref="a:actor-1"/></Attributed_Threat_Actor></Attribution>
      <Related_TTPs><Related_TTP><TTP idref="a:ttp-404"/></Related_TTP></Related_TTPs>
    </x:Campaign>
  </x:Campaigns>
  <x:Threat_Actors>
    <x:Threat_Actor id="a:actor-1"><Identity><Name>Grey Heron</Name></Identity></x:Threat_Actor>
  </x:Threat_Actors>
</x:STIX_Package>
"""

TARGETS = """
<STIX_Package><Exploit_Targets><Exploit_Target id="t:1">
  <Vulnerability><CVE_ID>cve-2021-44228</CVE_ID><Description>one</Description>
    <Affected_Software><Affected_Software><Observable id="t:p"><Object>
      <Properties xsi:type="ProductObj:ProductObjectType"><Product>log4j</Product><Vendor>apache</Vendor></Properties>
    </Object></Observable></Affected_Software></Affected_Software>
  </Vulnerability>
  <Vulnerability><CVE_ID>CVE-2021-45046</CVE_ID></Vulnerability>
  <Weakness><CWE_ID>CWE-502</CWE_ID></Weakness>
  <Potential_COAs><Potential_COA><Course_Of_Action id="t:c"><Title>Update</Title></Course_Of_Action></Potential_COA>
  </Potential_COAs>
</Exploit_Target></Exploit_Targets></STIX_Package>
"""

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def observable(properties: str, type: str, attributes: str = "") -> str:
    return (
        f'<c:Observables><c:Observable id="o:1"><c:Object><c:Properties xsi:type="X:{type}ObjectType" {attributes}>'
        f"{properties}</c:Properties></c:Object></c:Observable></c:Observables>"
    )


def test_prefixes_do_not_matter_and_a_missing_component_is_said() -> None:
    subgraph = read(Stix, ACTOR)
    assert relations(subgraph) == {("a:campaign-1", "RelatedThreatActor", "Grey Heron")}
    said(named(subgraph, "a:campaign-1"), alias=("Quiet Harbour",), source=("Acme CERT",))
    [problem] = subgraph.problems
    assert problem.reason == "it refers to a:ttp-404, which is not in the document"


def test_the_source_document_is_the_component_as_it_stands_there() -> None:
    actor = named(read(Stix, ACTOR), "Grey Heron")
    assert (
        actor.properties["sourceDocument"]
        == ACTOR[ACTOR.index("<x:Threat_Actor id") : ACTOR.index("\n  </x:Threat_Actors>")]
    )
    assert actor.position.start == ACTOR.index("<x:Threat_Actor id")


def test_an_exploit_target_is_each_of_its_vulnerabilities_and_weaknesses() -> None:
    subgraph = read(Stix, TARGETS)
    assert {vertex.name: vertex.type for vertex in subgraph.vertices.values()} == {
        "CVE-2021-44228": "Vulnerability",
        "CVE-2021-45046": "Vulnerability",
        "CWE-502": "Weakness",
        "cpe::apache:log4j::::": "Observable",
        "t:c": "Course_Of_Action",
    }
    assert relations(subgraph) == {
        ("CVE-2021-44228", "ExploitTargetRelatedObservable", "cpe::apache:log4j::::"),
        ("CVE-2021-44228", "PotentialCOA", "t:c"),
    }


@pytest.mark.parametrize(
    ("value", "category", "kind", "name"),
    [
        ("192.0.2.1", "ipv4-addr", ("IP", "Address"), "192.0.2.1"),
        ("2001:DB8:0:0::1", "ipv6-addr", ("IP", "Address"), "2001:db8::1"),
        ("192.0.2.1/32", "cidr", ("IP", "Address"), "192.0.2.1"),
        ("192.0.2.0/24", "cidr", ("AddressRange", "Address"), "192.0.2.0 - 192.0.2.255"),
        ("a@example.org", "e-mail", ("Observable", "Email Address"), "a@example.org"),
        ("AS64500", "asn", ("Observable", "AS"), "64500"),
        ("00:00:5E:00:53:01", "mac", ("Observable", "MAC Address"), "00:00:5E:00:53:01"),
        ("none at all", "ipv4-addr", ("Observable", "Address"), "none at all"),
    ],
)
def test_an_address_is_what_its_value_and_category_say(
    value: str, category: str, kind: tuple[str, str], name: str
) -> None:
    subgraph = read(Stix, observable(f"<Address_Value>{value}</Address_Value>", "Address", f'category="{category}"'))
    vertex = named(subgraph, name)
    assert (vertex.type, vertex.observable_type) == kind


def test_a_list_of_values_is_each_of_them() -> None:
    value = "192.0.2.1##comma##192.0.2.2"
    subgraph = read(Stix, observable(f"<Address_Value>{value}</Address_Value>", "Address"))
    assert relations(subgraph) == {("o:1", "Sub-Observable", "192.0.2.1"), ("o:1", "Sub-Observable", "192.0.2.2")}


def test_a_file_keeps_its_hashes_and_is_called_by_one_where_it_has_no_name() -> None:
    hashes = f"<Hashes><Hash><Type>SHA256</Type><Simple_Hash_Value>{HASH}</Simple_Hash_Value></Hash></Hashes>"
    said(named(read(Stix, observable(hashes, "WindowsFile")), HASH), sha256=HASH, observableType="Windows File")
    said(named(read(Stix, observable(f"<File_Name>x.exe</File_Name>{hashes}", "File")), "x.exe"), sha256=HASH)


def test_a_foreign_type_of_object_is_called_by_its_words() -> None:
    subgraph = read(Stix, observable("<Name>thing</Name>", "AcmeRoboticArm"))
    said(named(subgraph, "thing"), observableType="Acme Robotic Arm")


def test_a_flow_is_named_by_its_ends_also_where_these_stand_elsewhere() -> None:
    package = """<Observables>
      <Observable id="f"><Object><Properties xsi:type="N:NetworkConnectionObjectType">
        <Source_Socket_Address object_reference="s"/>
        <Destination_Socket_Address><IP_Address><Address_Value>2001:db8::2</Address_Value></IP_Address>
          <Port><Port_Value>443</Port_Value></Port></Destination_Socket_Address>
      </Properties></Object></Observable>
      <Observable id="s"><Object><Properties xsi:type="S:SocketAddressObjectType">
        <IP_Address object_reference="i"/><Port><Port_Value>80</Port_Value></Port></Properties></Object></Observable>
      <Observable id="i"><Object><Properties xsi:type="A:AddressObjectType"><Address_Value>192.0.2.1</Address_Value>
      </Properties></Object></Observable></Observables>"""
    subgraph = read(Stix, package)
    flow = "192.0.2.1:80_through_[2001:db8::2]:443"
    assert {
        (flow, "Sub-Observable", "192.0.2.1:80"),
        (flow, "Sub-Observable", "[2001:db8::2]:443"),
        ("192.0.2.1:80", "Sub-Observable", "192.0.2.1"),
        ("192.0.2.1:80", "Sub-Observable", "80"),
        ("[2001:db8::2]:443", "Sub-Observable", "2001:db8::2"),
    } <= relations(subgraph)
    assert not subgraph.problems


def test_references_in_a_circle_end() -> None:
    package = """<Observables>
      <Observable id="a"><Object><Properties xsi:type="S:SocketAddressObjectType"><IP_Address object_reference="b"/>
        <Port><Port_Value>1</Port_Value></Port></Properties></Object></Observable>
      <Observable id="b"><Object><Properties xsi:type="S:SocketAddressObjectType"><IP_Address object_reference="a"/>
        <Port><Port_Value>2</Port_Value></Port></Properties></Object></Observable></Observables>"""
    assert relations(read(Stix, package)) >= {("a", "Sub-Observable", "b"), ("b", "Sub-Observable", "a")}


def test_references_that_fan_out_at_each_step_are_followed_once() -> None:
    parts = "".join(f'<IP_Address object_reference="s{number}"/>' for number in range(30))
    package = "".join(
        f'<Observable id="s{number}"><Object><Properties xsi:type="S:SocketAddressObjectType">{parts}'
        "<Port><Port_Value>1</Port_Value></Port></Properties></Object></Observable>"
        for number in range(30)
    )
    assert len(read(Stix, f"<Observables>{package}</Observables>").edges) == 30 * 29 + 30


def test_a_component_without_an_id_is_named_by_its_title_and_an_empty_one_is_none() -> None:
    subgraph = read(Stix, "<STIX_Package><TTPs><TTP><Title>Phishing</Title></TTP><TTP/></TTPs></STIX_Package>")
    assert [vertex.name for vertex in subgraph.vertices.values()] == ["Phishing"]


def test_each_instance_of_a_malware_is_one() -> None:
    ttp = """<TTP id="t"><Behavior><Malware><Malware_Instance><Name>Emotet</Name><Name>Geodo</Name></Malware_Instance>
      <Malware_Instance><Name>Qbot</Name></Malware_Instance></Malware></Behavior></TTP>"""
    subgraph = read(Stix, ttp)
    said(named(subgraph, "t"), vertexType="Malware", alias=("Emotet", "Geodo"))
    said(named(subgraph, "Qbot"), vertexType="Malware")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("STIX", "neither XML"),
        ("<html><body/></html>", "begins with <html>"),
        ("<STIX_Package>", "no element found"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><STIX_Package/>', "document type"),
        ("<Observable>" * 300 + "</Observable>" * 300, "nested more than 200"),
    ],
)
def test_what_is_no_package_is_refused_with_the_reason(content: str, reason: str) -> None:
    with pytest.raises(ExtractionError, match=reason):
        Stix().extract(Document(content=content.encode()))


@pytest.mark.parametrize(
    "content", ["<STIX_Package/>", "<stix:STIX_Package><TTPs/></stix:STIX_Package>", "<Observables/>"]
)
def test_an_empty_package_states_nothing(content: str) -> None:
    assert not read(Stix, content)


def test_megabytes_of_text_are_cut_and_said() -> None:
    subgraph = read(Stix, observable(f"<File_Name>{'x' * 1_000_000}</File_Name>", "File"))
    [vertex] = subgraph.vertices.values()
    assert len(vertex.name) == 2000
    assert any("cut" in problem.reason for problem in subgraph.problems)


def test_many_nested_compositions_are_read() -> None:
    depth = 90
    content = "".join(f'<Observable id="o:{number}"><Observable_Composition>' for number in range(depth))
    content += "</Observable_Composition></Observable>" * depth
    assert len(relations(read(Stix, content))) == depth - 1
