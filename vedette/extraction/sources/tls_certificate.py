"""`tls-certificate`: the certificates that a server shows, the names that they are for, and who issued them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vedette.extraction.building import SUB_OBSERVABLE, Building
from vedette.extraction.records import Record
from vedette.extraction.sources.forms import FormExtractor, milliseconds_of, place_target
from vedette.extraction.subgraph import Position
from vedette.extraction.urls import place_host, place_url

ISSUED_BY = "Issued_By"
"""From a certificate to the one that signed it, as the server's chain has it."""


class TlsCertificate(FormExtractor):
    """Reads a server's chain of certificates."""

    name = "tls-certificate"
    summary = "Our probe tls-certificate: a server's certificates, their names and issuers"

    def state(self, building: Building, form: Record) -> None:
        """State the chain; nothing where there was no handshake."""
        address, port = form.text("address"), form.text("port")
        if not address:
            return
        position = Position("handshake")
        place_target(building, form.text("target"), address, position)
        socket = building.socket(
            address,
            port,
            position,
            tcpState="open",
            tlsProtocol=form.text("protocol"),
            tlsCipher=form.text("cipher"),
        )
        below = ""
        for number, certificate in enumerate(form.records("chain")):
            place = Position(f"chain[{number}]")
            made = _certificate(building, certificate, place)
            if below:
                building.edge(below, made, ISSUED_BY, place)
            else:
                building.edge(
                    socket,
                    made,
                    SUB_OBSERVABLE,
                    place,
                    serverName=form.text("server_name"),
                    verified=form.text("verified"),
                    verification=form.text("verification"),
                )
            below = made


def _certificate(building: Building, certificate: Record, position: Position) -> str:
    digest = certificate.text("sha256")
    if not digest:
        building.skip(position, "a certificate without its SHA-256")
        return ""
    made = building.vertex(
        "Observable",
        digest,
        observable="X509 Certificate",
        position=position,
        description=certificate.text("subject") or digest,
        sha256=digest,
        subject=certificate.text("subject"),
        issuer=certificate.text("issuer"),
        serialNumber=certificate.text("serial_number"),
        notBefore=milliseconds_of(certificate, "not_before"),
        notAfter=milliseconds_of(certificate, "not_after"),
        publicKey=certificate.text("public_key"),
        signatureAlgorithm=certificate.text("signature_algorithm"),
    )
    for text in certificate.texts("names"):
        kind, _, name = text.partition(":")
        place = _NAMES.get(kind)
        if place is None or not name:
            continue
        # A wildcard is for the names below the one behind it (RFC 6125, section 6.4.3).
        plain = name.removeprefix("*.")
        wildcard = name if plain != name else ""
        building.edge(made, place(building, plain, position), SUB_OBSERVABLE, position, wildcard=wildcard)
    return made


_NAMES: Mapping[str, Callable[[Building, str, Position], str]] = {
    "DNS": place_host,
    "IP": lambda building, text, position: building.ip(text, position),
    "URI": lambda building, text, position: place_url(building, text, position).uri,
    "email": lambda building, text, position: building.email(text, position),
}
"""Kinds of subject alternative names, and what each names."""
