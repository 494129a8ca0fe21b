"""Whether whoever presents a bound token has its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sessiond_server.domain.binding import (
    CERTIFICATE_MEMBER,
    KEY_MEMBER,
    PROOF_SECONDS,
    PROOF_SKEW_SECONDS,
    Binding,
    CertificateBinding,
    DpopBinding,
    Proof,
    certificate_proves,
    confirmation_of,
    proof_fits,
)
from sessiond_server.domain.claims import Claims
from sessiond_server.domain.identifiers import hashed_id, subject_byte
from sessiond_server.service.clock import Clock


class ProofMemory(Protocol):
    """The DPoP proofs that have been used, at any server."""

    async def remember(self, placing_byte: int, hashed_proof: bytes, *, seconds: float) -> bool:
        """Remember a proof for a while; False where it is remembered already. In one step, whoever else asks.

        Raises:
            StoreUnavailableError: that cannot be told now.
        """


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
                return await self._is_shown(claims, binding, token=token, thumbprint=thumbprint)
            case _:
                return False

    async def _is_shown(self, claims: Claims, binding: DpopBinding, *, token: bytes, thumbprint: str) -> bool:
        proof = self._read_proof(binding.proof)
        if proof is None or not proof_fits(proof, binding, token=token, thumbprint=thumbprint, now=self._clock.now()):
            return False
        return await self._memory.remember(
            subject_byte(claims.issuer, claims.subject),
            hashed_id("dpop", proof.thumbprint, proof.proof_id),
            seconds=PROOF_SECONDS + 2 * PROOF_SKEW_SECONDS,
        )
