"""A log with items and audit entries in it, stamped, that a test tampers with."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from registry.audit import Audit, AuditEntry
from registry.database import Database
from registry.directory import Directory
from registry.intake import Intake
from registry.proofs import Proofs
from registry.sweep import Sweep
from tests.registry.conftest import ENGINE
from vedette.clock import ManualClock
from vedette.evidence.authority.local import LocalAuthority
from vedette.messages.card import Role


class Watched:
    """A log of 3 items, 3 audit entries (one of an enrolment), 2 items; in batches of 5, and 1 entry in none."""

    def __init__(self, *, database: Database, clock: ManualClock, authority: LocalAuthority, sender: Any) -> None:
        self.database = database
        self.clock = clock
        self.authority = authority
        self.sender = sender
        self.proofs = Proofs(database=database, engine=ENGINE, clock=clock)
        self.audit = Audit(database=database, clock=clock)

    async def fill(self) -> None:
        directory = Directory(database=self.database, clock=self.clock)
        await directory.enrol(self.sender.jid, role=Role.PROBE, public_key=self.sender.key.verifying.text)
        intake = Intake(database=self.database, engine=ENGINE, clock=self.clock)
        await intake.open()
        await intake.commit([self.sender.deliver(count=3)])
        await self.audit.record(entry("document.delete", detail="no longer <b>needed</b>"))
        await self.audit.record(entry("login.failed"))
        await self.proofs.log_audits()
        await intake.commit([self.sender.deliver(count=2)])
        await self.stamp()
        await self.audit.record(entry("key.revoke"))
        await self.proofs.log_audits()

    async def stamp(self) -> None:
        while (batch := await self.proofs.close_batch(max_items=5)) is not None:
            token = await self.authority.stamp(batch.root)
            await self.proofs.store_token(batch=batch, tsa="local", external=False, token=token)

    async def found(self) -> set[tuple[str, str]]:
        """One round of the sweep: kind and place of what is found, without engine and epoch."""
        roots = {"local": self.authority.roots}
        sweep = Sweep(database=self.database, engine=ENGINE, clock=self.clock, roots=roots)
        findings = set()
        while (step := await sweep.step(limit=2)) is not None:
            findings |= {(finding.kind, finding.place.rpartition(", ")[2]) for finding in step.findings}
            await sweep.save()
        return findings

    async def tamper(self, *statements: str) -> None:
        """Change the store as its owner can, who takes the triggers away first."""
        sqlite = self.database.dialect == "sqlite"
        names = ("audit_update", "audit_delete") if sqlite else ("audit_update", "audit_delete", "audit_truncate")
        drops = [f"DROP TRIGGER {name}" + ("" if sqlite else " ON audit") for name in names]

        def work(connection: Connection) -> None:
            for statement in (*drops, *statements):
                connection.execute(text(statement))

        await self.database.write(work)


def entry(action: str, *, detail: str = "") -> AuditEntry:
    return AuditEntry(who="user anna", action=action, object="probe@localhost", origin="192.0.2.1", detail=detail)
