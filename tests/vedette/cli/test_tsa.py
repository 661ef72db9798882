"""`vedette tsa add`, `list`, `remove`: a person decides whom to trust, and nothing is written before that."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner, Result

from registry.audit import Audit
from registry.database import Database
from registry.fleet_evidence import known_roots, trusted_roots
from registry.intake import Intake
from registry.proofs import Proofs
from tests.registry.conftest import Sender
from tests.vedette.evidence.mimic import MANNERS, Manner, Mimic, running
from tests.vedette.fetching.origin import Answer, redirect, reply
from vedette.cli.inspection import inspect_fleet
from vedette.cli.tsa import app
from vedette.clock import SystemClock
from vedette.configuration.fleet import FleetPaths, load_fleet
from vedette.errors import ConfigurationError, TimestampError
from vedette.evidence.authority.local import LocalAuthority
from vedette.evidence.certificates import TrustRoots
from vedette.fetching.interface import FetchError

PLAIN = Manner(kind="p256", root_kind="p256")


@pytest.fixture
def mimic() -> Iterator[Mimic]:
    with running(PLAIN) as made:
        yield made


def configure(folder: Path, mimic: Mimic) -> Path:
    """A configuration with a comment, whose fetching may ask the mimic for its roots."""
    file = folder / "vedette.yml"
    file.write_text(f"# ours\nfetching:\n  allow: ['127.0.0.1:{mimic.origin.port}']  # the test\n")
    return file


def fingerprint(mimic: Mimic) -> str:
    return hashlib.sha256(mimic.chain.issued[-1].der).hexdigest()


def invoke(*arguments: object, file: Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments), "-c", str(file)])


def add(mimic: Mimic, file: Path, *more: object) -> Result:
    known = ["--yes", "--fingerprint", fingerprint(mimic)]
    roots = [] if "--roots" in more else ["--roots-url", mimic.origin.url("/root")]
    return invoke("add", "far", "--url", mimic.url, *roots, *known, *more, file=file)


def refused(done: Result, kind: type[Exception], reason: str, *, file: Path) -> None:
    """Assert that it was refused, and that nothing was written."""
    assert isinstance(done.exception, kind), done.output
    assert reason in str(done.exception)
    assert [path.name for path in file.parent.iterdir()] == ["vedette.yml"]
    assert "tsa:" not in file.read_text()


@pytest.mark.parametrize("name", sorted(MANNERS))
def test_one_that_is_confirmed_is_added_and_used_as_the_fleet_will(name: str, tmp_path: Path) -> None:
    with running(MANNERS[name]) as mimic:
        file = configure(tmp_path, mimic)
        before = file.read_text()
        done = add(mimic, file)
        assert done.exit_code == 0, done.output or done.exception
        configuration, paths = load_fleet(file)
        assert file.read_text().startswith(before)
        assert [one.name for one in configuration.tsa] == ["local", "far"]
        far = configuration.tsa[1]
        assert (far.url, far.roots) == (mimic.url, "roots/far.pem")
        assert TrustRoots.load(paths.near("roots/far.pem")).certificates == (mimic.chain.issued[-1].der,)
        shown = done.output
        pairs = ":".join(fingerprint(mimic)[at : at + 2] for at in range(0, 64, 2)).upper()
        assert f"SHA-256 {pairs}" in shown
        for text in ("CN=Root", "CN=Unit", "Its clock less ours:", f"Policy {mimic.manner.policy}", "accuracy "):
            assert text in shown
        assert ("accuracy not stated" in shown) is ("accuracy" not in MANNERS[name].order)


def test_it_works_with_a_file_of_roots_and_intermediates_that_it_does_not_send(tmp_path: Path) -> None:
    with running(Manner(kind="p256", root_kind="p256", order={"embed": ()})) as mimic:
        file = configure(tmp_path, mimic)
        (tmp_path / "root.pem").write_bytes(mimic.root_file)
        middle = mimic.chain.issued[1].certificate
        chain = tmp_path / "chain.pem"
        chain.write_bytes(_pem(mimic.chain.signer.certificate) + _pem(middle))
        done = add(mimic, file, "--roots", tmp_path / "root.pem", "--untrusted", chain, "--json")
        assert done.exit_code == 0, done.output or done.exception
        assert json.loads(done.stdout)["signer"]["subject"] == "CN=Unit"
        configuration, paths = load_fleet(file)
        assert configuration.tsa[1].untrusted == "chain.pem"
        inspect_fleet(configuration, paths, clock=SystemClock())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def test_without_a_person_or_a_fingerprint_nobody_is_even_asked(mimic: Mimic, tmp_path: Path) -> None:
    file = configure(tmp_path, mimic)
    common = ("add", "far", "--url", mimic.url, "--roots-url", mimic.origin.url("/root"))
    refused(invoke(*common, file=file), ConfigurationError, "needs a terminal", file=file)
    refused(invoke(*common, "--yes", file=file), ConfigurationError, "needs --fingerprint", file=file)
    bad = invoke(*common, "--yes", "--fingerprint", "abc", file=file)
    refused(bad, ConfigurationError, "must be SHA-256", file=file)
    unknown = invoke("add", "freetas", "--yes", "--fingerprint", "ab" * 32, file=file)
    refused(unknown, ConfigurationError, "did you mean 'freetsa'?", file=file)
    nameless = invoke("add", "Far!", *common[2:], "--yes", "--fingerprint", "ab" * 32, file=file)
    refused(nameless, ConfigurationError, "name", file=file)
    rootless = invoke(*common[:4], "--yes", "--fingerprint", "ab" * 32, file=file)
    refused(rootless, ConfigurationError, "--roots", file=file)
    local = invoke("add", "far", "--url", "local", *common[4:], "--yes", "--fingerprint", "ab" * 32, file=file)
    refused(local, ConfigurationError, "must be an http or https URL", file=file)
    assert mimic.origin.requests == []


def test_another_root_than_the_one_that_is_known_is_not_trusted(mimic: Mimic, tmp_path: Path) -> None:
    file = configure(tmp_path, mimic)
    before = file.read_text()
    common = ("add", "far", "--url", mimic.url, "--roots-url", mimic.origin.url("/root"))
    done = invoke(*common, "--yes", "--fingerprint", "ab" * 32, file=file)
    assert (done.exit_code, file.read_text()) == (1, before)
    assert "not the one that you know" in done.output
    assert not (tmp_path / "roots").exists()


def test_what_an_authority_does_wrong_ends_before_anything_is_written(mimic: Mimic, tmp_path: Path) -> None:
    file, origin = configure(tmp_path, mimic), mimic.origin
    good = dict(origin.answers)
    wrong: dict[str, list[tuple[Answer, type[Exception], str]]] = {
        "/root": [
            (redirect("http://169.254.169.254/root"), FetchError, "metadata service"),
            (reply(b"<html>"), ConfigurationError, "holds no certificate"),
            (reply(bytes(300_000)), FetchError, "more than 262144 bytes"),
            (reply(_pem(mimic.chain.issued[1].certificate)), ConfigurationError, "holds no root"),
        ],
        "/tsr": [
            (redirect("/elsewhere"), TimestampError, "redirects elsewhere"),
            (reply(b"<html>", Content_Type="text/html"), TimestampError, "answers with text/html"),
            (reply(b"", status="503 Busy", Retry_After="9"), TimestampError, "HTTP status 503"),
        ],
    }
    for path, answers in wrong.items():
        for answer, kind, reason in answers:
            origin.answers.update(good)
            origin.answers[path] = answer
            refused(add(mimic, file), kind, reason, file=file)
    origin.answers.update(good)
    with running(Manner(kind="p256", root_kind="p256", root_number=66)) as other:
        origin.answers["/root"] = reply(other.root_file)
        refused(add(mimic, file), TimestampError, "trust: no path leads", file=file)


def test_roots_on_our_own_network_are_fetched_only_if_that_is_allowed(mimic: Mimic, tmp_path: Path) -> None:
    file = tmp_path / "vedette.yml"
    file.write_text("data: var\n")
    done = add(mimic, file)
    refused(done, FetchError, "allow it under fetching.allow", file=file)
    (tmp_path / "root.pem").write_bytes(mimic.root_file)
    # The authority itself is an address that the operator wrote down: that is enough.
    assert add(mimic, file, "--roots", tmp_path / "root.pem").exit_code == 0


def test_other_roots_of_the_same_name_are_never_overwritten(mimic: Mimic, tmp_path: Path) -> None:
    file = configure(tmp_path, mimic)
    (tmp_path / "roots").mkdir()
    kept = tmp_path / "roots" / "far.pem"
    kept.write_text("older")
    before = file.read_text()
    done = add(mimic, file)
    assert isinstance(done.exception, ConfigurationError)
    assert "move it away first" in str(done.exception)
    assert (kept.read_text(), file.read_text()) == ("older", before)


def test_a_file_that_cannot_be_edited_safely_is_left_alone_with_what_to_write(mimic: Mimic, tmp_path: Path) -> None:
    file = configure(tmp_path, mimic)
    file.write_text(file.read_text() + "tsa: [{name: local}]\n")
    before = file.read_text()
    done = add(mimic, file)
    assert (done.exit_code, file.read_text()) == (2, before)
    assert f"  - name: far\n    url: {mimic.url}\n    roots: roots/far.pem\n" in done.output
    assert mimic.origin.requests == []


def _stamped(paths: FleetPaths) -> None:
    """A store with one batch, stamped by `far`."""
    paths.make()
    database = Database(paths.store_url)
    database.migrate()
    with database:
        asyncio.run(_fill(database, paths))


async def _fill(database: Database, paths: FleetPaths) -> None:
    clock, engine = SystemClock(), "aggregation@localhost"
    intake = Intake(database=database, engine=engine, clock=clock)
    await intake.open()
    await intake.commit([Sender().send_unsigned(Sender().item())])
    proofs = Proofs(database=database, engine=engine, clock=clock)
    batch = await proofs.close_batch(max_items=10)
    assert batch is not None
    authority = LocalAuthority.open(paths.tsa, clock=clock, create=True)
    await proofs.store_token(batch=batch, tsa="far", external=True, token=await authority.stamp(batch.root))


def test_one_that_is_removed_keeps_what_it_proved(mimic: Mimic, tmp_path: Path) -> None:
    file = configure(tmp_path, mimic)
    before = file.read_text()
    paths = load_fleet(file)[1]
    _stamped(paths)
    assert add(mimic, file).exit_code == 0
    listed = json.loads(invoke("list", "--json", file=file).stdout)
    assert [(one["name"], one["count"]) for one in listed["configured"]] == [("local", 0), ("far", 1)]
    assert [one["name"] for one in listed["profiles"]] == list(MANNERS)

    done = invoke("remove", "far", file=file)
    assert (done.exit_code, file.read_text()) == (0, before + "tsa:\n  - name: local\n")
    assert "1 batches that it stamped" in done.output
    assert (tmp_path / "roots" / "far.pem").is_file()
    paths.tsa.joinpath("roots.pem").write_bytes(mimic.root_file)
    assert set(trusted_roots(*load_fleet(file))) == {"local"}
    assert set(known_roots(*load_fleet(file))) == {"local", "far"}
    text = invoke("list", file=file).stdout
    assert "far: removed, what it proved stays; 1 tokens" in text
    assert "local: local, this machine's own clock, self-asserted; no token yet" in text
    assert "can be added: vedette tsa add freetsa" in text
    with Database(paths.store_url) as database:
        page = asyncio.run(Audit(database=database, clock=SystemClock()).page())
    written = {entry.action: entry for entry in page.entries}
    assert (written["tsa.add"].object, written["tsa.remove"].object) == ("far", "far")
    assert fingerprint(mimic) in written["tsa.add"].detail

    again = invoke("remove", "far", file=file)
    assert isinstance(again.exception, ConfigurationError)
    only = invoke("remove", "local", file=file)
    assert "is the only authority" in str(only.exception)


def test_what_is_wrong_with_an_authority_is_listed(mimic: Mimic, tmp_path: Path) -> None:
    file = configure(tmp_path, mimic)
    assert add(mimic, file).exit_code == 0
    (tmp_path / "roots" / "far.pem").write_text("damaged")
    assert "far: " in (text := invoke("list", file=file).stdout)
    assert "UNUSABLE: " in text
    again = add(mimic, file)
    assert "is configured already; remove it first" in str(again.exception)


@pytest.mark.parametrize(("said", "code"), [("y", 0), ("n", 1)])
def test_at_a_terminal_a_person_is_asked(
    mimic: Mimic,
    tmp_path: Path,
    said: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = configure(tmp_path, mimic)
    ours, theirs = os.openpty()
    os.write(ours, said.encode() + b"\n")
    common = ["add", "far", "--url", mimic.url, "--roots-url", mimic.origin.url("/root"), "-c", str(file)]
    with os.fdopen(theirs) as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", terminal)
        assert (app(common, standalone_mode=False) or 0) == code
    os.close(ours)
    shown = capsys.readouterr()
    assert "SHA-256" in shown.out
    assert "Did you compare the fingerprints" in shown.out + shown.err
    assert ("far" in file.read_text()) is (code == 0)
