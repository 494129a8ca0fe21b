"""Whether whoever presents what is bound to a key has the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sessiond_server.domain.binding import (
    CERTIFICATE_MEMBER,
    KEY_MEMBER,
    PROOF_SECONDS,
    PROOF_SKEW_SECONDS,
    Binding,
    CertificateBinding,
    Confirmation,
    DpopBinding,
    Proof,
    certificate_proves,
    confirmation_by,
    confirmation_of,
    proof_fits_request,
    proof_fits_token,
)
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.service.clock import Clock


class ProofMemory(Protocol):
    """The DPoP proofs that have been used, at any server. Raises `StoreUnavailableError` where that cannot be told now."""

    async def remember(self, hashed_proof: bytes, *, seconds: float) -> bool:
        """Remember a proof for a while; False where it is remembered already. In one step, whoever else asks."""

    async def knows(self, hashed_proof: bytes) -> bool:
        """Whether a proof is remembered."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A key whose possession was proven; `hashed_proof` is what proved it and is good once, None for a certificate."""

    confirmation: Confirmation
    hashed_proof: bytes | None


class Possession:
    """Judges proofs of possession. `read_proof` gives the proof in a text if its signature is right."""

    def __init__(self, *, read_proof: Callable[[bytes], Proof | None], memory: ProofMemory, clock: Clock) -> None:
        self._read_proof = read_proof
        self._memory = memory
        self._clock = clock

    async def is_proven(self, claims: Claims, *, token: bytes, binding: Binding | None) -> bool:
        """Whether `binding` proves the key that the token is bound to; a token that is bound to none needs no proof.

        A proof is spent by this: the second time it proves nothing (RFC 9449 §11.1). An unknown kind of `cnf` cannot be proven.

        Raises:
            StoreUnavailableError: whether a proof has been used cannot be told now.
        """
        if not claims.is_bound:
            return True
        match confirmation_of(claims), binding:
            case (name, thumbprint), CertificateBinding() if name == CERTIFICATE_MEMBER:
                return certificate_proves(binding, thumbprint)
            case (name, thumbprint), DpopBinding() if name == KEY_MEMBER:
                proof = self._fitting(binding)
                if proof is None or not proof_fits_token(proof, token=token, thumbprint=thumbprint):
                    return False
                return await self._spend(_hashed(proof))
            case _:
                return False

    async def find_key(self, binding: Binding) -> Proven | None:
        """The key that `binding` proves, for what no access token accompanies (RFC 9449 §5, RFC 8705 §4); None for no key.

        The proof has not been used before, and is not spent by this.

        Raises:
            StoreUnavailableError: whether it has been used cannot be told now.
        """
        if isinstance(binding, CertificateBinding):
            return Proven(confirmation_by(binding), None)
        proof = self._fitting(binding)
        if proof is None or await self._memory.knows(_hashed(proof)):
            return None
        return Proven((KEY_MEMBER, proof.thumbprint), _hashed(proof))

    async def spend(self, proven: Proven) -> bool:
        """Use a proof up; False where somebody else has meanwhile. Raises `StoreUnavailableError`."""
        return proven.hashed_proof is None or await self._spend(proven.hashed_proof)

    def _fitting(self, binding: DpopBinding) -> Proof | None:
        proof = self._read_proof(binding.proof)
        return proof if proof and proof_fits_request(proof, binding, now=self._clock.now()) else None

    async def _spend(self, hashed_proof: bytes) -> bool:
        return await self._memory.remember(hashed_proof, seconds=PROOF_SECONDS + 2 * PROOF_SKEW_SECONDS)


def _hashed(proof: Proof) -> bytes:
    return hashed_id("dpop", proof.thumbprint, proof.proof_id)
