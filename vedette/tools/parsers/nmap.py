"""`nmap`: nmap's XML (its `nmap.dtd`) as hosts, ports, services and script outputs."""

from __future__ import annotations

from typing import Literal
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import ParseError as XmlError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import BaseModel, ConfigDict, ValidationError

from vedette.tools.interface import ParseError, Parser


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Script(_Part):
    """One script's output."""

    id: str
    """Its name."""
    output: str
    """What it said."""


class ScannedPort(_Part):
    """One port of a host."""

    port: int
    """Number."""
    protocol: str
    """`tcp`, `udp` or `sctp`."""
    state: str
    """Such as `open`, `closed` or `filtered`."""
    reason: str | None = None
    """Why nmap says so, such as `syn-ack`."""
    service: str | None = None
    """Name of the service, by port or by what it answered."""
    product: str | None = None
    """With version detection."""
    version: str | None = None
    """With version detection."""
    extra: str | None = None
    """With version detection."""
    cpe: tuple[str, ...] = ()
    """Common platform enumeration names."""
    scripts: tuple[Script, ...] = ()
    """What scripts said of it."""


class Address(_Part):
    """One address of a host."""

    address: str
    """As nmap writes it."""
    type: Literal["ipv4", "ipv6", "mac"] = "ipv4"
    """Of what kind."""


class Host(_Part):
    """One host."""

    state: str | None = None
    """`up` or `down`."""
    addresses: tuple[Address, ...] = ()
    """Its addresses."""
    hostnames: tuple[str, ...] = ()
    """Its names."""
    ports: tuple[ScannedPort, ...] = ()
    """Its ports that nmap lists."""
    scripts: tuple[Script, ...] = ()
    """What scripts said of the host."""


class NmapForm(_Part):
    """Standard form of an nmap scan."""

    version: str | None = None
    """nmap's version."""
    arguments: str | None = None
    """nmap's command line."""
    started: int | None = None
    """Seconds since 1970, by the scanning machine's clock."""
    exit: str | None = None
    """`success` or `error`; None where the scan did not end."""
    summary: str | None = None
    """nmap's last line."""
    hosts: tuple[Host, ...] = ()
    """In nmap's order."""


class NmapParser(Parser):
    """Reads `nmap -oX -`."""

    name = "nmap"
    version = 1
    Form = NmapForm

    def parse(self, raw: bytes) -> NmapForm:
        """Return the scan's form.

        Raises:
            ParseError: not well-formed, not nmap's, or with entities, which nmap never writes.
        """
        try:
            root = fromstring(raw)
        except XmlError as error:
            raise ParseError(f"not well-formed XML: {error}") from error
        except (DefusedXmlException, ValueError, LookupError) as error:
            raise ParseError(f"refused XML: {error}") from error
        if root.tag != "nmaprun":
            raise ParseError(f"not nmap's XML: it begins with <{root.tag[:40]}>; run nmap with -oX -")
        try:
            return _form(root)
        except (ValidationError, ValueError) as error:
            raise ParseError(f"not nmap's XML: {str(error)[:300]}") from error


def _form(root: Element) -> NmapForm:
    finished = root.find("runstats/finished")
    started = root.get("start")
    return NmapForm(
        version=root.get("version"),
        arguments=root.get("args"),
        started=int(started) if started else None,
        exit=finished.get("exit") if finished is not None else None,
        summary=finished.get("summary") if finished is not None else None,
        hosts=tuple(_host(element) for element in root.iterfind("host")),
    )


def _host(element: Element) -> Host:
    status = element.find("status")
    addresses = [
        {"address": address.get("addr"), "type": address.get("addrtype", "ipv4")}
        for address in element.iterfind("address")
    ]
    return Host(
        state=status.get("state") if status is not None else None,
        addresses=tuple(Address.model_validate(address) for address in addresses),
        hostnames=tuple(name.get("name", "") for name in element.iterfind("hostnames/hostname")),
        ports=tuple(_port(port) for port in element.iterfind("ports/port")),
        scripts=_scripts(element.find("hostscript")),
    )


def _port(element: Element) -> ScannedPort:
    state, service = element.find("state"), element.find("service")
    seen = state.attrib if state is not None else {}
    offered = service.attrib if service is not None else {}
    return ScannedPort(
        port=int(element.get("portid", "")),
        protocol=element.get("protocol", "tcp"),
        state=seen.get("state", "unknown"),
        reason=seen.get("reason"),
        service=offered.get("name"),
        product=offered.get("product"),
        version=offered.get("version"),
        extra=offered.get("extrainfo"),
        cpe=tuple(name.text or "" for name in element.iterfind("service/cpe")),
        scripts=_scripts(element),
    )


def _scripts(parent: Element | None) -> tuple[Script, ...]:
    if parent is None:
        return ()
    return tuple(
        Script(id=script.get("id", ""), output=script.get("output", "")) for script in parent.iterfind("script")
    )
