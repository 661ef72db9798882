"""The exporters `collection` and `taxii`: investigations as STIX 2.1 in our collections, and in those of others."""

from __future__ import annotations

from vedette.sharing.endpoint import ENDPOINT_OPTIONAL
from vedette.sharing.exporter import Destination, Exporter, Outfit
from vedette.sharing.taxii.collections import EXPORTER, CollectionSettings
from vedette.sharing.taxii.filling import CollectionDestination
from vedette.sharing.taxii.push import TaxiiDestination


class CollectionExporter(Exporter):
    """Puts investigations into a collection of our own TAXII server."""

    name = EXPORTER
    summary = "STIX 2.1 in a collection of this hub's TAXII server"
    optional = frozenset(CollectionSettings.model_fields)

    def connect(self, outfit: Outfit) -> Destination:
        """Return the collection; see the base class."""
        return CollectionDestination(outfit)


class TaxiiExporter(Exporter):
    """Posts investigations to a collection of another TAXII server."""

    name = "taxii"
    summary = "STIX 2.1 to a collection of a TAXII 2.1 server: only what it does not have yet"
    required = frozenset({"url"})
    optional = ENDPOINT_OPTIONAL | {"user", "password_file"}

    def connect(self, outfit: Outfit) -> Destination:
        """Return the collection; see the base class."""
        return TaxiiDestination(outfit)
