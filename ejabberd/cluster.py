"""Joining, leaving and listing the nodes of an ejabberd cluster, over a running node's administration."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ejabberd.api import EjabberdApi
from ejabberd.configuration import load
from ejabberd.server import ask_node
from ejabberd.settings import Layout, check_node
from vedette.errors import ConnectionFailedError, RefusedError

JOIN_SECONDS = 60.0
"""How long a join may take: the node stops, copies the tables and starts again."""


class Cluster:
    """The cluster as the running node of a folder sees it."""

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(folder=folder.absolute())
        self._settings = load(folder)
        self._api = EjabberdApi(self._settings)

    def nodes(self) -> list[str]:
        """Return the names of the nodes that are up, sorted; one alone is its own only member.

        Raises:
            ConnectionFailedError: this node does not run.
        """
        _, nodes = self._api.call("list_cluster")
        return sorted(nodes)

    def join(self, node: str) -> list[str]:
        """Make this node one of the cluster of `node` and return who is in it; its own Mnesia tables go.

        Raises:
            RefusedError: its accounts are in Mnesia, where the join would lose them, or `node` is itself.
            ConnectionFailedError: this node or the other cannot be reached.
        """
        if node == self._settings.node:
            raise RefusedError("node", f"{node} is this node; name one that is in the cluster already")
        if not self._settings.accounts:
            reason = (
                "keeps its accounts in Mnesia; run vedette xmpp init --accounts postgresql://… on each node first"
            )
            raise RefusedError("accounts", f"{self._settings.node} {reason}")
        if node in self.nodes():
            return self.nodes()
        ask_node(self._layout, self._settings, f"ejabberd_cluster:join('{check_node(node)}')")
        return self._wait(lambda nodes: node in nodes, f"{node} did not take {self._settings.node} in")

    def leave(self, node: str) -> list[str]:
        """Take another node out, whether it runs or not, and return who is left.

        Raises:
            RefusedError: `node` is the one that is asked.
            ConnectionFailedError: this node does not run.
        """
        if node == self._settings.node:
            raise RefusedError("node", f"{node} is this node; run it on another one of the cluster")
        self._api.call("leave_cluster", node=node)
        return self._wait(lambda nodes: node not in nodes, f"{node} is still in the cluster")

    def _wait(self, holds: Any, otherwise: str) -> list[str]:
        deadline = time.monotonic() + JOIN_SECONDS
        while time.monotonic() < deadline:
            try:
                nodes = self.nodes()
                self._api.call("status")
            except ConnectionFailedError:
                nodes = []
            if nodes and holds(nodes):
                return nodes
            time.sleep(0.2)
        raise ConnectionFailedError(f"{otherwise}: is it up, is the cookie the same, and its node port reachable?")
