"""Which form each type of the graph has in MISP (the table of docs/sharing.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vedette.graph.ontology import ontology
from vedette.sharing.investigation import Fact
from vedette.sharing.misp import host_facts, network_facts, threat_facts
from vedette.sharing.misp.composing import Composing, Said
from vedette.sharing.misp.threat_facts import Adding

_FORMS: Final[Mapping[str, Adding]] = {
    "IP": network_facts.add_address,
    "AddressRange": network_facts.add_range,
    "Location": network_facts.add_location,
    "Observable/AS": network_facts.add_autonomous_system,
    "Observable/DNS Cache": network_facts.add_domain,
    "Observable/DNS Query": network_facts.add_domain,
    "Observable/DNS Record": network_facts.add_record,
    "Observable/Domain Name": network_facts.add_domain,
    "Observable/Email Address": network_facts.add_email,
    "Observable/HTTP Session": network_facts.add_request,
    "Observable/Hostname": network_facts.add_hostname,
    "Observable/MAC Address": network_facts.add_hardware,
    "Observable/Network Flow": network_facts.add_flow,
    "Observable/Port": network_facts.add_port,
    "Observable/Socket Address": network_facts.add_socket,
    "Observable/URI": network_facts.add_url,
    "Observable/Whois": network_facts.add_owner,
    "Observable/X509 Certificate": network_facts.add_certificate,
    "Observable/File Hash": host_facts.add_hash,
    "Observable/Product": host_facts.add_product,
    "Observable/Mutex": host_facts.add_mutex,
    "Observable/Windows Mutex": host_facts.add_mutex,
    "Observable/Windows Registry Key": host_facts.add_registry_key,
    "Campaign": threat_facts.add_campaign,
    "Course_Of_Action": threat_facts.add_remedy,
    "Exploit": threat_facts.add_exploit,
    "Identity": threat_facts.add_identity,
    "Indicator": threat_facts.add_indicator,
    "Infrastructure": threat_facts.add_infrastructure,
    "Malware": threat_facts.add_malware,
    "Report": threat_facts.add_report,
    "TTP": threat_facts.add_technique,
    "Threat_Actor": threat_facts.add_actor,
    "Tool": threat_facts.add_tool,
    "Vulnerability": threat_facts.add_vulnerability,
    "Weakness": threat_facts.add_weakness,
}
"""By the key of the ontology's kinds, or by the type alone."""

_BY_STIX: Final[Mapping[str, Adding]] = {
    "file": host_facts.add_file,
    "process": host_facts.add_process,
    "user-account": host_facts.add_account,
}
"""Kinds of which there are many, by what STIX calls them."""


def add_fact(to: Composing, fact: Fact, said: Said) -> str:
    """Add what a fact becomes; returns the id of what references to it point at, empty where there is nothing."""
    kind = ontology().resolve(fact.vertex.type, fact.vertex.observable_type)
    adding = _FORMS.get(kind.key) or _FORMS.get(kind.type) or _BY_STIX.get(kind.kind.stix) or threat_facts.add_other
    return adding(to, fact, said)
