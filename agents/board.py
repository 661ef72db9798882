"""The XMPP server's publish-subscribe service (XEP-0060), over the agent's own connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout

from behaviours.publish import Affiliation, PublishError

JSON = "{urn:xmpp:json:0}json"
"""A JSON container (XEP-0335): what an event's payload is."""

_CONFIGURATION = "http://jabber.org/protocol/pubsub#node_config"
_WITHIN = 10
"""Seconds to wait for an answer."""


class PubSubBoard:
    """The service `pubsub.<domain>`."""

    def __init__(self, *, client: ClientXMPP) -> None:
        client.register_plugin("xep_0060")
        self._client = client
        self._service = f"pubsub.{client.boundjid.host}"

    async def open(self, node: str) -> None:
        """Make a node with whitelist access, if there is none.

        Raises:
            PublishError: the service refuses or does not answer.
        """
        form = self._client["xep_0004"].make_form(ftype="submit")
        form.add_field(var="FORM_TYPE", ftype="hidden", value=_CONFIGURATION)
        form.add_field(var="pubsub#access_model", value="whitelist")
        form.add_field(var="pubsub#max_items", value="100")
        try:
            await self._pubsub.create_node(self._service, node, config=form, timeout=_WITHIN)
        except IqError as error:
            if error.condition != "conflict":
                raise self._problem(node, error) from error
        except IqTimeout as error:
            raise self._problem(node, error) from error

    async def allow(self, node: str, affiliations: Mapping[str, Affiliation]) -> None:
        """Say who may do what with a node, by bare JID.

        Raises:
            PublishError: the service refuses, as for a node that is somebody else's, or does not answer.
        """
        changes = list(affiliations.items())
        try:
            await self._pubsub.modify_affiliations(self._service, node, changes, timeout=_WITHIN)
        except (IqError, IqTimeout) as error:
            raise self._problem(node, error) from error

    async def publish(self, node: str, *, name: str, event: dict[str, Any]) -> None:
        """Publish an event under a name; the same name again replaces.

        Raises:
            PublishError: the service refuses or does not answer.
        """
        payload = Element(JSON)
        # All ASCII: XML cannot carry every character that a target may hold.
        payload.text = json.dumps(event, separators=(",", ":"))
        try:
            await self._pubsub.publish(self._service, node, id=name, payload=payload, timeout=_WITHIN)
        except (IqError, IqTimeout) as error:
            raise self._problem(node, error) from error

    @property
    def _pubsub(self) -> Any:
        return self._client["xep_0060"]

    def _problem(self, node: str, error: IqError | IqTimeout) -> PublishError:
        condition = error.condition if isinstance(error, IqError) else f"no answer in {_WITHIN} s"
        return PublishError(f"{self._service}, node {node!r}: {condition}")
