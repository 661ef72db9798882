"""Roles of people: what each may do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from registry.callers import Scope


class UserRole(StrEnum):
    """What a person is to the fleet."""

    VIEWER = "viewer"
    """Reads everything."""
    OPERATOR = "operator"
    """Reads, and runs the work: pause, replay, jobs."""
    INGEST = "ingest"
    """Hands in items and documents, and sees nothing else."""
    ADMIN = "admin"
    """Everything, users and keys included."""


SCOPES: Mapping[UserRole, frozenset[Scope]] = MappingProxyType(
    {
        UserRole.VIEWER: frozenset({Scope.READ}),
        UserRole.OPERATOR: frozenset({Scope.READ, Scope.OPERATE}),
        UserRole.INGEST: frozenset({Scope.INGEST}),
        UserRole.ADMIN: frozenset(Scope),
    }
)
"""What each role may do."""


def scopes_of(role: str) -> frozenset[Scope]:
    """Return what a stored role may do; one of a later release may do nothing here."""
    return next((scopes for known, scopes in SCOPES.items() if known.value == role), frozenset())
