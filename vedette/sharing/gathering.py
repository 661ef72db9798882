"""The port through which investigations are gathered from the store and the graph."""

from __future__ import annotations

from typing import Protocol

from vedette.sharing.investigation import Investigation
from vedette.sharing.policy import SharingPolicy
from vedette.sharing.selection import Selection


class Gathering(Protocol):
    """Gathers investigations."""

    async def gather(self, selection: Selection, *, policy: SharingPolicy, bundles: bool = True) -> Investigation:
        """Return all that a policy lets go of what is selected; empty where there is nothing.

        Args:
            selection: which.
            policy: what may leave.
            bundles: whether bundles of proofs are made: who only writes values does without.

        Raises:
            RefusedError: it is more than `MAX_FACTS`, or stricter than the policy's ceiling as a whole.
            ConfigurationError: the warning lists cannot be read.
            ConfigurationError: the warning lists cannot be read.
            StoreError: the store or the graph cannot be read.
        """
