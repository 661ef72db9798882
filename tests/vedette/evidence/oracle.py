"""OpenSSL as the third party that judges what we judge."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.timing import PATIENCE
from tests.vedette.evidence.forge import Key


class OpenSsl:
    """Runs `openssl ts` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = shutil.which("openssl") or "openssl"

    def file(self, name: str, data: bytes) -> Path:
        """Write a file into the folder."""
        path = self._folder / name
        path.write_bytes(data)
        return path

    def query(self, data: bytes, *options: str) -> bytes:
        """Make a TimeStampReq over data."""
        source, out = self.file("source.bin", data), self._folder / "query.tsq"
        self._run("ts", "-query", "-data", source, "-out", out, *options, check=True)
        return out.read_bytes()

    def accepts(
        self,
        *,
        roots_pem: bytes,
        token: bytes | None = None,
        response: bytes | None = None,
        data: bytes | None = None,
        digest: bytes | None = None,
        query: bytes | None = None,
        at: int | None = None,
        untrusted: Sequence[bytes] = (),
    ) -> bool:
        """Tell whether `openssl ts -verify` accepts; `at` is in seconds."""
        arguments: list[str | Path] = ["ts", "-verify", "-CAfile", self.file("roots.pem", roots_pem)]
        if token is not None:
            arguments += ["-token_in", "-in", self.file("token.der", token)]
        if response is not None:
            arguments += ["-in", self.file("response.tsr", response)]
        if data is not None:
            arguments += ["-data", self.file("data.bin", data)]
        if digest is not None:
            arguments += ["-digest", digest.hex()]
        if query is not None:
            arguments += ["-queryfile", self.file("asked.tsq", query)]
        if at is not None:
            arguments += ["-attime", str(at)]
        if untrusted:
            arguments += ["-untrusted", self.file("untrusted.pem", b"".join(map(_pem, untrusted)))]
        return self._run(*arguments).returncode == 0

    def text(self, response: bytes) -> str:
        """Print a response for people."""
        shown = self._run("ts", "-reply", "-in", self.file("shown.tsr", response), "-text", check=True)
        return shown.stdout.decode()

    def sign_over_sha1(self, data: bytes, key: Key) -> bytes:
        """Return an RSA signature over SHA-1, which cryptography no longer makes."""
        private = self.file("key.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        signed = self._run("dgst", "-sha1", "-sign", private, self.file("signed.bin", data), check=True)
        return signed.stdout

    def _run(self, *arguments: str | Path, check: bool = False) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([self._program, *arguments], capture_output=True, check=check, timeout=PATIENCE)


def _pem(certificate: bytes) -> bytes:
    return x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
