"""The local authority inside this process: the same port as one over HTTP, without the HTTP."""

from __future__ import annotations

import secrets
from pathlib import Path

from vedette.clock import Clock
from vedette.errors import EvidenceError, TimestampError
from vedette.evidence.authority.identity import AuthorityIdentity, load_identity, load_or_create_identity
from vedette.evidence.authority.issuer import TokenIssuer
from vedette.evidence.certificates import TrustRoots
from vedette.evidence.exchange import build_query, read_query
from vedette.evidence.timestamping import NONCE_BITS, TimestampAuthority
from vedette.evidence.token import VerifiedToken, verify_token


class LocalAuthority(TimestampAuthority):
    """Stamps with this machine's clock: self-asserted time, and said to be so."""

    def __init__(self, *, identity: AuthorityIdentity, clock: Clock, name: str = "local") -> None:
        super().__init__(name=name, external=False)
        self.roots = TrustRoots.from_pem(identity.roots_pem, place=name)
        """What verifies its tokens."""
        self._clock = clock
        self._issuer = TokenIssuer(identity=identity, clock=clock)

    @classmethod
    def open(cls, folder: Path, *, clock: Clock, create: bool = False, name: str = "local") -> LocalAuthority:
        """Use the authority of a folder; with `create`, make one where there is none.

        Raises:
            ConfigurationError: the folder holds no usable authority.
        """
        identity = load_or_create_identity(folder, clock=clock) if create else load_identity(folder)
        return cls(identity=identity, clock=clock, name=name)

    async def stamp(self, imprint: bytes, *, digest_algorithm: str = "sha256") -> VerifiedToken:
        """Return a token over a hash, verified as one from anywhere else is.

        Raises:
            TimestampError: the imprint is no digest of that algorithm, or the clock is outside the
                certificate's validity.
        """
        nonce = secrets.randbits(NONCE_BITS)
        try:
            query = read_query(build_query(imprint, digest_algorithm=digest_algorithm, nonce=nonce))
            return verify_token(
                self._issuer.issue(query),
                imprint=imprint,
                digest_algorithm=digest_algorithm,
                roots=self.roots,
                nonce=nonce,
            )
        except EvidenceError as error:
            raise TimestampError(f"{self.name}: {error}") from error
