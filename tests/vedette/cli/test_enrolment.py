"""Enrolling nobody who is a person, and undoing an enrolment: all of it, also where it was cut off in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ejabberd.accounts import Accounts
from registry.audit import Audit, AuditFilter
from registry.database import Database
from registry.directory import Directory
from registry.keys import KeyRefusedError, Keys, Scope
from vedette.cli.enrolment import Enrolment, Wanted
from vedette.clock import SystemClock
from vedette.configuration.credentials import load_credentials, save_credentials
from vedette.configuration.fleet import load_fleet
from vedette.errors import RefusedError, StoreError
from vedette.messages.card import Role


class UnluckyAccounts(Accounts):
    """Accounts whose server cannot be reached at first when one is removed."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.refuses = True

    def create(self, name: str, password: str) -> None:
        """Keep it."""
        self.known[name] = password

    def remove(self, name: str) -> None:
        """Fail once."""
        if self.refuses:
            self.refuses = False
            raise StoreError("the server cannot be reached")
        self.known.pop(name, None)

    def names(self) -> list[str]:
        """Return the names."""
        return sorted(self.known)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    """An empty store."""
    database = Database(f"sqlite:///{tmp_path / 'store.db'}")
    database.migrate()
    with database:
        yield database


async def test_a_revocation_that_was_cut_off_is_finished_by_saying_it_again(tmp_path: Path, store: Database) -> None:
    (tmp_path / "vedette.yml").write_text("{}")
    configuration, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    accounts, clock = UnluckyAccounts(), SystemClock()
    enrolment = Enrolment(
        configuration=configuration,
        paths=paths,
        database=store,
        accounts=accounts,
        server="127.0.0.1:5222",
        ca=None,
        clock=clock,
    )
    file = await enrolment.enrol(Wanted(name="probe1", role=Role.PROBE))
    key = load_credentials(file).api_key or ""
    with pytest.raises(StoreError, match="reached"):
        await enrolment.revoke("probe1")
    await enrolment.revoke("probe1")
    assert (accounts.known, file.exists()) == ({}, False)
    assert await Directory(database=store, clock=clock).find("probe1@localhost") is None
    with pytest.raises(KeyRefusedError):
        await Keys(database=store, clock=clock).check(key)
    audit = Audit(database=store, clock=clock)
    actions = [entry.action for entry in (await audit.page(wanted=AuditFilter())).entries]
    assert [action for action in actions if action != "key.issue"][:3] == [
        "account.remove",
        "agent.revoke",
        "key.revoke",
    ]


async def test_a_person_does_not_become_an_agent(tmp_path: Path, store: Database) -> None:
    (tmp_path / "vedette.yml").write_text("people: [{jid: anna@localhost}]\n")
    configuration, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    accounts, clock = UnluckyAccounts(), SystemClock()
    enrolment = Enrolment(
        configuration=configuration,
        paths=paths,
        database=store,
        accounts=accounts,
        server="127.0.0.1:5222",
        ca=None,
        clock=clock,
    )
    with pytest.raises(RefusedError, match="people"):
        await enrolment.enrol(Wanted(name="anna", role=Role.PROBE))
    assert accounts.known == {}
    assert await Directory(database=store, clock=clock).find("anna@localhost") is None


async def test_who_reads_into_the_graph_gets_a_key_that_reads_documents(tmp_path: Path, store: Database) -> None:
    (tmp_path / "vedette.yml").write_text("{}")
    configuration, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    clock = SystemClock()
    enrolment = Enrolment(
        configuration=configuration,
        paths=paths,
        database=store,
        accounts=UnluckyAccounts(),
        server="127.0.0.1:5222",
        ca=None,
        clock=clock,
    )
    keys = Keys(database=store, clock=clock)
    # Its first key, as a release before this one gave it, is replaced; the second is kept
    file = await enrolment.enrol(Wanted(name="rt", role=Role.RT))
    narrow = await keys.issue(name="old", scopes=[Scope.INGEST], agent="rt@localhost")
    save_credentials(file, load_credentials(file).model_copy(update={"api_key": narrow}))
    await enrolment.enrol(Wanted(name="rt", role=Role.RT))
    key = load_credentials(file).api_key or ""
    assert (await keys.check(key)).scopes == {Scope.INGEST, Scope.READ}
    await enrolment.enrol(Wanted(name="rt", role=Role.RT))
    assert load_credentials(file).api_key == key
    probe = await enrolment.enrol(Wanted(name="probe1", role=Role.PROBE))
    assert (await keys.check(load_credentials(probe).api_key or "")).scopes == {Scope.INGEST}


async def test_an_engine_without_the_folder_of_the_documents_gets_a_key_that_reads_them(
    tmp_path: Path, store: Database
) -> None:
    engines = "engines: [{name: near}, {name: far, documents: elsewhere}]\n"
    (tmp_path / "vedette.yml").write_text(f"store: postgresql+psycopg://localhost/none\n{engines}")
    configuration, paths = load_fleet(tmp_path / "vedette.yml")
    paths.make()
    enrolment = Enrolment(
        configuration=configuration,
        paths=paths,
        database=store,
        accounts=UnluckyAccounts(),
        server="127.0.0.1:5222",
        ca=None,
        clock=SystemClock(),
    )
    near, far = [
        load_credentials(await enrolment.enrol(Wanted(name=name, role=Role.AGGREGATION))) for name in ("near", "far")
    ]
    assert near.api_key is None
    assert Scope.READ in (await Keys(database=store, clock=SystemClock()).check(far.api_key or "")).scopes
