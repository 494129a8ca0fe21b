"""TLS on the gRPC port, with certificates that may change while it is open."""

from __future__ import annotations

from typing import Protocol

import grpc


class Certificate(Protocol):
    """What the port proves itself with; everything is PEM."""

    @property
    def chain(self) -> bytes:
        """The certificate, and those between it and its authority."""

    @property
    def private_key(self) -> bytes:
        """Its key."""

    @property
    def client_authorities(self) -> bytes | None:
        """Whose certificates callers must have; None: none."""


class CertificateSource(Protocol):
    """Where the certificate comes from."""

    def current(self) -> Certificate:
        """The certificate to begin with."""

    def changed(self) -> Certificate | None:
        """The new one, where it is new since the last answer.

        Called for every handshake, on threads of gRPC's: quick, and never raises.
        """


def server_credentials(source: CertificateSource) -> grpc.ServerCredentials:
    """Credentials that each handshake finds up to date; with client authorities no caller without a certificate gets in."""
    first = source.current()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        changed = source.changed()
        return _configuration(changed) if changed else None

    return grpc.dynamic_ssl_server_credentials(
        _configuration(first),
        fetch,  # type: ignore[arg-type] # None, for no change, is missing in its types
        require_client_authentication=first.client_authorities is not None,
    )


def _configuration(certificate: Certificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(certificate.private_key, certificate.chain)], root_certificates=certificate.client_authorities
    )
