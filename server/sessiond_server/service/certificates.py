"""The port of the certificate that the server proves itself with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    """A certificate chain, its key, and the authorities whose certificates callers must have; all PEM.

    `client_authorities` is None where callers need no certificate; `expires_at` is in seconds since 1970.
    """

    chain: bytes
    private_key: bytes
    client_authorities: bytes | None
    expires_at: float


class CertificateSource(Protocol):
    """Where the certificate comes from."""

    def current(self) -> Certificate:
        """The certificate to begin with."""

    def changed(self) -> Certificate | None:
        """The new certificate, where it is new since the last answer.

        Called for every handshake, on threads that are not the event loop's: it is quick, and never raises.
        """
