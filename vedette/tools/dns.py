"""`dns`: what a name server answers for a name (RFC 1035), flags and DNSSEC's verdict included."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.reversename
from pydantic import AfterValidator, AliasChoices, Field

from vedette.clock import MICROSECONDS, Clock
from vedette.tools.interface import Arguments
from vedette.tools.observation import Observation, ObservationError, Part, Port, Seconds, StandardForm, failure

MAX_RECORDS = 500
"""Records of one answer that are kept."""


def _record_type(text: str) -> str:
    try:
        kind = dns.rdatatype.from_text(text)
    except (dns.rdatatype.UnknownRdatatype, ValueError) as error:
        raise ValueError(f"{text!r} is not a DNS record type, such as A, AAAA, MX or TXT") from error
    if dns.rdatatype.is_metatype(kind):
        raise ValueError(f"{text!r} cannot be asked for; name a record type, such as A or MX")
    return dns.rdatatype.to_text(kind)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ValueError(f"{text!r} is not an IP address") from error


class DnsArguments(Arguments):
    """What to ask and whom."""

    types: Annotated[
        tuple[Annotated[str, AfterValidator(_record_type)], ...],
        Field(min_length=1, max_length=32, validation_alias=AliasChoices("types", "type")),
    ] = ("A", "AAAA")
    """Record types."""
    nameserver: Annotated[str, AfterValidator(_address)] | None = None
    """Address of the name server; the system's without it."""
    port: Port = 53
    """Its port."""
    tcp: bool = False
    """Ask over TCP from the start; else only where an answer is cut."""
    answer_time: Seconds = 5.0
    """Seconds for one answer."""


class DnsRecord(Part):
    """One record of an answer."""

    name: str
    """Owner name, without the last dot."""
    type: str
    """Record type."""
    ttl: int
    """Seconds."""
    data: str
    """Presentation form (RFC 1035, section 5.1)."""


class DnsAnswer(Part):
    """What was answered for one type."""

    type: str
    """Record type asked for."""
    rcode: str | None = None
    """Response code, such as `NOERROR` or `NXDOMAIN`."""
    authoritative: bool = False
    """Flag AA."""
    authenticated: bool = False
    """Flag AD: the name server says that it validated by DNSSEC (RFC 4035, section 3.2.3)."""
    recursion: bool = False
    """Flag RA: the name server recurses."""
    records: tuple[DnsRecord, ...] = ()
    """The answer section, sorted."""
    answer_time: int | None = None
    """Microseconds."""
    error: str | None = None
    """Why there is no good answer."""


class DnsForm(StandardForm):
    """Standard form of `dns`."""

    form: str = "dns/1"
    name: str | None = None
    """What was asked for: the target, or the reverse name of an address."""
    nameserver: str | None = None
    """Whom was asked."""
    port: int | None = None
    """Its port."""
    answers: tuple[DnsAnswer, ...] = ()
    """One a type, in the order asked."""


class Dns(Observation[DnsArguments]):
    """Asks a name server."""

    name = "dns"
    summary = "DNS: records of a name, response code, DNSSEC flag"
    Arguments = DnsArguments
    Form = DnsForm

    def objection(self, target: str) -> str | None:
        """Return why `target` is no name."""
        if not target:
            return "is empty; name a domain name or an address"
        try:
            _query_name(target)
        except (dns.exception.DNSException, UnicodeError, ValueError) as error:
            return f"is not a domain name: {error}"
        return None

    async def observe(self, *, target: str, arguments: DnsArguments, clock: Clock) -> DnsForm:
        """Ask for each type in turn."""
        name = _query_name(target)
        servers = [arguments.nameserver] if arguments.nameserver else _system_servers()
        server, answers = servers[0], list[DnsAnswer]()
        for server in servers:
            answers = [await _ask(name, kind, server, arguments, clock) for kind in arguments.types]
            # The next one only helps where nothing came back at all, as the system's resolver has it.
            if any(answer.rcode for answer in answers):
                break
        problems = dict.fromkeys(f"{answer.type}: {answer.error}" for answer in answers if answer.error)
        return DnsForm(
            target=target,
            error="; ".join(problems) or None,
            name=name.to_text(omit_final_dot=True),
            nameserver=server,
            port=arguments.port,
            answers=tuple(answers),
        )


def _query_name(target: str) -> dns.name.Name:
    try:
        ipaddress.ip_address(target)
    except ValueError:
        return dns.name.from_text(target)
    return dns.reversename.from_address(target)


def _system_servers() -> Sequence[str]:
    try:
        servers = [str(server) for server in dns.resolver.Resolver().nameservers]
    except dns.resolver.NoResolverConfiguration as error:
        raise ObservationError("this machine has no name server configured; give one as `nameserver`") from error
    if not servers:
        raise ObservationError("this machine has no name server configured; give one as `nameserver`")
    return servers


async def _ask(name: dns.name.Name, kind: str, server: str, arguments: DnsArguments, clock: Clock) -> DnsAnswer:
    query = dns.message.make_query(name, kind, want_dnssec=False, use_edns=0)
    # Asks for the AD flag without the signatures (RFC 6840, section 5.7).
    query.flags |= dns.flags.AD
    begin = clock.monotonic()
    try:
        response = await _exchange(query, server, arguments)
    except (dns.exception.Timeout, TimeoutError):
        return DnsAnswer(type=kind, error=f"no answer from {server} within {arguments.answer_time:g} s")
    except (dns.exception.DNSException, OSError, EOFError) as error:
        return DnsAnswer(type=kind, error=failure(error))
    taken = round((clock.monotonic() - begin) * MICROSECONDS)
    return _answer(kind, response, taken)


async def _exchange(query: dns.message.Message, server: str, arguments: DnsArguments) -> dns.message.Message:
    if arguments.tcp:
        return await dns.asyncquery.tcp(query, server, timeout=arguments.answer_time, port=arguments.port)
    # Strangers' datagrams are ignored: anyone can send one, only the server can answer.
    response, _ = await dns.asyncquery.udp_with_fallback(
        query, server, timeout=arguments.answer_time, port=arguments.port, ignore_unexpected=True, ignore_errors=True
    )
    return response


def _answer(kind: str, response: dns.message.Message, taken: int) -> DnsAnswer:
    records = [
        DnsRecord(
            name=rrset.name.to_text(omit_final_dot=True),
            type=dns.rdatatype.to_text(rrset.rdtype),
            ttl=rrset.ttl,
            data=record.to_text(),
        )
        for rrset in response.answer
        for record in rrset
    ]
    rcode = dns.rcode.to_text(response.rcode())
    return DnsAnswer(
        type=kind,
        rcode=rcode,
        authoritative=bool(response.flags & dns.flags.AA),
        authenticated=bool(response.flags & dns.flags.AD),
        recursion=bool(response.flags & dns.flags.RA),
        records=tuple(sorted(records, key=lambda record: (record.name, record.type, record.data))[:MAX_RECORDS]),
        answer_time=taken,
        error=None if rcode == "NOERROR" else rcode,
    )
