"""Whether whoever presents something that is bound to a key has that key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.confirmation import (
    CERTIFICATE_MEMBER,
    KEY_MEMBER,
    ClientCertificate,
    Confirmation,
    DpopProof,
    Evidence,
    PossessionProof,
    ProvenBefore,
    VerifiedProof,
    certificate_proves,
    confirmation_by,
    proof_fits_request,
    proof_fits_token,
)
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.service.clock import Clock
from sessiond_server.service.storage.proofs import ProofMemory


@dataclass(frozen=True, slots=True)
class ProvenKey:
    """A key whose possession was proven.

    `proof` is good once; None for a certificate.
    """

    confirmation: Confirmation
    proof: VerifiedProof | None


class ProofOfPossession:
    """Judges proofs of possession. `read_proof` gives the proof in a text if its signature is right."""

    def __init__(
        self, *, read_proof: Callable[[bytes], VerifiedProof | None], memory: ProofMemory, clock: Clock
    ) -> None:
        self._read_proof = read_proof
        self._memory = memory
        self._clock = clock

    async def is_proven(self, claims: Claims, *, token: bytes, proof: Evidence | None) -> bool:
        """Whether `proof` proves the key that the token is bound to.

        A DPoP proof is spent by this: the second time it proves nothing (RFC 9449 §11.1). An unknown kind of
        `cnf` cannot be proven.

        Raises:
            StoreUnavailableError: whether a proof has been used cannot be told now.
        """
        match claims.confirmation, proof:
            case (_, _) as named, ProvenBefore(confirmation):
                return named == confirmation
            case (name, thumbprint), ClientCertificate() if name == CERTIFICATE_MEMBER:
                return certificate_proves(proof, thumbprint)
            case (name, thumbprint), DpopProof() if name == KEY_MEMBER:
                verified = self._fitting(proof)
                if verified is None or not proof_fits_token(verified, token=token, thumbprint=thumbprint):
                    return False
                return await self._spend(verified)
            case _:
                return False

    async def find_key(self, proof: PossessionProof) -> ProvenKey | None:
        """The key that `proof` proves, where no access token comes with it (RFC 9449 §5, RFC 8705 §4).

        It is None where no key is proven.

        A DPoP proof must not have been used before, and is not spent by this.

        Raises:
            StoreUnavailableError: whether it has been used cannot be told now.
        """
        if isinstance(proof, ClientCertificate):
            return ProvenKey(confirmation_by(proof), None)
        verified = self._fitting(proof)
        if verified is None or not await self._memory.is_usable(
            _hashed(verified), good_until=verified.good_until
        ):
            return None
        return ProvenKey((KEY_MEMBER, verified.thumbprint), verified)

    async def spend(self, proven: ProvenKey) -> bool:
        """Use a proof up; False where it has been used meanwhile. Raises `StoreUnavailableError`."""
        return proven.proof is None or await self._spend(proven.proof)

    def _fitting(self, given: DpopProof) -> VerifiedProof | None:
        verified = self._read_proof(given.proof)
        return verified if verified and proof_fits_request(verified, given, now=self._clock.now()) else None

    async def _spend(self, verified: VerifiedProof) -> bool:
        return await self._memory.use_up(_hashed(verified), good_until=verified.good_until)


def _hashed(proof: VerifiedProof) -> bytes:
    return hashed_id("dpop", proof.thumbprint, proof.proof_id)
