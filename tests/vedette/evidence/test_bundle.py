"""Bundles: the same bytes each time, checked by openssl alone, and by hand as VERIFY.txt says."""

from __future__ import annotations

import base64
import io
import os
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.timing import PATIENCE
from tests.vedette.evidence.sample import BASH, START, Authority, make_contents, with_second
from vedette.clock import MICROSECONDS
from vedette.errors import EvidenceError
from vedette.evidence.bundle import BundleContents, build_bundle, read_bundle
from vedette.evidence.bundle_zip import read_zip, write_zip
from vedette.evidence.hashtree import root_of
from vedette.evidence.statement import leaf
from vedette.signing import SigningKey

META: dict[str, object] = {
    "target": "<script>alert(1)</script>",
    "command": ["nmap", "-oX", "-", 'a"b'],
    "collected_at": START - 9 * MICROSECONDS,
    "verdict": "as expected",
    "exit_code": 0,
    "note": '","payload_sha256":"' + "0" * 64 + '","received_at":1',
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority") / "a")


@pytest.fixture(scope="module")
def contents(authority: Authority) -> BundleContents:
    return make_contents(authority, key=SigningKey.generate(), meta=META)


def unpack(data: bytes, folder: Path) -> Path:
    """Unpack as a third party would: with another implementation."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        assert packed.testzip() is None
        packed.extractall(folder)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BASH, *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def roots_file(authority: Authority, folder: Path) -> Path:
    file = folder / "ROOTS.pem"
    file.write_bytes(authority.identity.roots_pem)
    return file


def test_the_same_contents_give_the_same_bytes_and_read_back(contents: BundleContents) -> None:
    data = build_bundle(contents)
    assert data == build_bundle(contents)
    assert build_bundle(read_bundle(data)) == data


def test_the_layout_is_the_design_s(contents: BundleContents) -> None:
    with zipfile.ZipFile(io.BytesIO(build_bundle(replace(contents, crls={"local.crl": b"crl"})))) as packed:
        names = packed.namelist()
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in packed.infolist()}
        assert {info.date_time for info in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert packed.read("manifest.json").decode() == contents.manifest.text if contents.manifest else False
        assert len(packed.read("manifest.sig")) == 64
    wanted = (
        "payload.bin statement.json manifest.json manifest.sig agent.pub batch.json record-local.er token-local.tsr"
    )
    assert {*wanted.split(), "chain.pem", "crls/local.crl", "SHA256SUMS", "verify.sh", "VERIFY.txt"} <= set(names)
    assert "report.html" in names
    assert (modes["verify.sh"], modes["payload.bin"]) == (0o755, 0o644)


def test_verify_sh_accepts_the_roots_from_outside(
    contents: BundleContents, authority: Authority, tmp_path: Path
) -> None:
    folder = unpack(build_bundle(contents), tmp_path / "x")
    roots = roots_file(authority, tmp_path)
    for place, script, given in ((folder, "verify.sh", str(roots)), (tmp_path, "x/verify.sh", "ROOTS.pem")):
        done = run(place, script, given)
        assert done.returncode == 0, done.stderr
        assert "VERIFIED with the roots given" in done.stdout
        assert "SELF-ASSERTED" in done.stdout


def test_verify_sh_refuses_without_roots_and_with_a_stranger_s(
    contents: BundleContents, authority: Authority, tmp_path: Path
) -> None:
    folder = unpack(build_bundle(contents), tmp_path / "x")
    stranger = roots_file(Authority.make(tmp_path / "stranger"), tmp_path)
    assert run(folder, "verify.sh").returncode == 2
    assert run(folder, "verify.sh", "missing.pem").returncode == 2
    done = run(folder, "verify.sh", str(stranger))
    assert done.returncode == 1
    assert "no time-stamp verifies with the roots given" in done.stderr


@pytest.mark.parametrize("fix_sums", [False, True])
def test_verify_sh_notices_a_changed_byte_in_every_file(
    contents: BundleContents, authority: Authority, tmp_path: Path, fix_sums: bool
) -> None:
    folder, roots = tmp_path / "x", roots_file(authority, tmp_path)
    unpack(build_bundle(contents), folder)
    explained = {"verify.sh", "VERIFY.txt", "report.html", "chain.pem", "record-local.er"}
    for file in sorted(folder.iterdir()):
        if file.name == "verify.sh" or (fix_sums and file.name in {*explained, "SHA256SUMS"}):
            continue
        good = file.read_bytes()
        # In the middle of a token is its certificate, of which chain.pem holds a good copy.
        at = len(good) - 5 if file.suffix == ".tsr" else len(good) // 2
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        sums = (folder / "SHA256SUMS").read_bytes()
        if fix_sums:
            repair_sums(folder)
        done = run(folder, "verify.sh", str(roots))
        assert done.returncode == 1, file.name
        file.write_bytes(good)
        if fix_sums:
            (folder / "SHA256SUMS").write_bytes(sums)
    assert run(folder, "verify.sh", str(roots)).returncode == 0


def repair_sums(folder: Path) -> None:
    """Do what a forger would: make SHA256SUMS agree with the changed files."""
    names = [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    done = run(folder, "-c", f"sha256sum {' '.join(names)} > SHA256SUMS")
    assert done.returncode == 0


def test_verify_sh_does_not_take_a_false_time(contents: BundleContents, authority: Authority, tmp_path: Path) -> None:
    folder, roots = unpack(build_bundle(contents), tmp_path / "x"), roots_file(authority, tmp_path)
    file = folder / "bundle.json"
    attime = contents.tokens[0].attime
    file.write_text(file.read_text().replace(f'"attime":{attime}', f'"attime":{attime + 60}'))
    repair_sums(folder)
    done = run(folder, "verify.sh", str(roots))
    assert (done.returncode, "another time" in done.stderr) == (1, True)


def test_unsigned_items_and_items_without_payload_verify_too(authority: Authority, tmp_path: Path) -> None:
    contents = replace(make_contents(authority, meta={"a": "\u00e9\u2028"}), payload=None, chain=())
    folder, roots = unpack(build_bundle(contents), tmp_path / "x"), roots_file(authority, tmp_path)
    done = run(folder, "verify.sh", str(roots))
    assert done.returncode == 0, done.stderr
    assert "only its hash is proved" in done.stdout
    assert "not signed" in done.stdout
    assert read_bundle(build_bundle(contents)).payload is None


def commands_of(text: str) -> list[tuple[str, str]]:
    """Return each command of VERIFY.txt with what the text says until the next one."""
    parts = re.split(r"^    (.+)$", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def test_the_commands_of_verify_txt_print_what_it_says(
    contents: BundleContents, authority: Authority, tmp_path: Path
) -> None:
    folder = unpack(build_bundle(contents), tmp_path / "x")
    roots_file(authority, folder)
    commands = commands_of((folder / "VERIFY.txt").read_text())
    assert len(commands) >= 12
    shown = ""
    for command, _ in commands:
        done = run(folder, "-o", "pipefail", "-c", command)
        assert done.returncode == 0, (command, done.stderr)
        shown += done.stdout + done.stderr
    assert "Verification: OK" in shown
    assert "Signature Verified Successfully" in shown
    for _, said in commands:
        for value in re.findall(r"must print ([0-9a-f]{64})", said):
            assert value in shown


def test_the_commands_of_verify_txt_fail_on_a_changed_payload(
    contents: BundleContents, authority: Authority, tmp_path: Path
) -> None:
    folder = unpack(build_bundle(contents), tmp_path / "x")
    (folder / "payload.bin").write_bytes(b"changed")
    command, _ = commands_of((folder / "VERIFY.txt").read_text())[0]
    assert command == "sha256sum --check SHA256SUMS"
    assert run(folder, "-c", command).returncode != 0


def test_two_authorities_are_both_checked(contents: BundleContents, authority: Authority, tmp_path: Path) -> None:
    second = Authority.make(tmp_path / "second", now=START + 3 * MICROSECONDS + 456_000)
    root = root_of(contents.path, leaf(contents.statement), "sha256")
    both = with_second(contents, second, root, name="freetsa.example")
    folder = unpack(build_bundle(both), tmp_path / "x")
    roots = tmp_path / "both.pem"
    roots.write_bytes(authority.identity.roots_pem + second.identity.roots_pem)
    done = run(folder, "verify.sh", str(roots))
    assert (done.returncode, "(2 time-stamps)" in done.stdout) == (0, True), done.stderr
    one = run(folder, "verify.sh", str(roots_file(second, tmp_path)))
    assert (one.returncode, "(1 time-stamps)" in one.stdout) == (0, True)
    assert "not anchored: token-local.tsr" in one.stdout


def test_the_report_says_whose_clock_and_what_is_self_asserted(contents: BundleContents) -> None:
    page = read_zip(build_bundle(contents))["report.html"].decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import|https?://""", page)
    assert "No time-stamp in this bundle comes from an external authority" in page
    for words in ("The agent&#x27;s own clock", "received_at", "genTime", "probe1@localhost", "22/tcp open ssh"):
        assert words in page
    assert "2026-09-21 14:13:11" in page


@pytest.mark.parametrize("payload", [None, b"\xff\xfe", b"a\x00b", b"x" * 9000, b"", "\u202egnp.exe".encode()])
def test_the_report_shows_any_payload_harmlessly(authority: Authority, payload: bytes | None) -> None:
    made = make_contents(authority, payload=payload or b"", meta={"collected_at": 10**15 * 9})
    page = read_zip(build_bundle(replace(made, payload=payload)))["report.html"].decode()
    assert "\x00" not in page
    assert "\u202e" not in page


def test_contents_that_cannot_be_a_bundle_are_refused(contents: BundleContents) -> None:
    token = contents.tokens[0]
    wrong = [
        replace(contents, tokens=[]),
        replace(contents, tokens=[token, token]),
        replace(contents, tokens=[replace(token, name="../../etc/passwd")]),
        replace(contents, tokens=[replace(token, name="Upper Case")]),
        replace(contents, manifest=None),
        replace(contents, statement=b"{}"),
        replace(contents, batch_statement=b"{}"),
        replace(contents, crls={"../x": b""}),
        replace(contents, path=((b"\x00" * 32, b"\x01" * 32),)),
    ]
    for each in wrong:
        with pytest.raises(EvidenceError):
            build_bundle(each)


def test_the_manifest_goes_in_exactly_as_it_was_signed(contents: BundleContents) -> None:
    files = read_zip(build_bundle(contents))
    assert contents.manifest is not None
    assert files["manifest.json"] == contents.manifest.text.encode()
    assert files["manifest.sig"] == base64.b64decode(contents.manifest.signature)
    assert files["statement.json"] == contents.statement


def test_a_zip_that_is_not_ours_is_refused() -> None:
    good = write_zip({"a.txt": b"a", "b.txt": b"b"})
    assert read_zip(good) == {"a.txt": b"a", "b.txt": b"b"}
    for data in (b"", b"PK", os.urandom(100), good[:-1], good + b"x", good[:40], b"PK\x05\x06" + bytes(18)):
        with pytest.raises(EvidenceError):
            read_zip(data)
    for name in ("../a", "/a", "a/b", "crls/../a", "crls/", "", ".a", "a\\b", "a\nb", "\u00e9"):
        with pytest.raises(EvidenceError):
            write_zip({name: b""})


def packed(entries: list[tuple[zipfile.ZipInfo | str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as writer:
        for name, data in entries:
            writer.writestr(name, data, compress_type=method)
    return file.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_traversal_doubles_links_and_bombs_are_named() -> None:
    link = zipfile.ZipInfo("payload.bin")
    link.external_attr = 0o120777 << 16
    cases = {
        "not a name that a bundle may hold": packed([("../../evil.sh", b"x")]),
        "twice": packed([("a.txt", b"x"), ("a.txt", b"y")]),
        "repacked or altered": packed([(link, b"/etc/passwd")]),
        "compressed": packed([("payload.bin", bytes(50_000_000))], zipfile.ZIP_DEFLATED),
        "more than 256 files": packed([(f"f{number}", b"") for number in range(300)]),
    }
    for reason, data in cases.items():
        with pytest.raises(EvidenceError, match=reason):
            read_zip(data)
