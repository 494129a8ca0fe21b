"""TLS on the gRPC port, with certificates that may change while it is open."""

from __future__ import annotations

import grpc

from sessiond_server.service.certificates import Certificate, CertificateSource


def server_credentials(source: CertificateSource) -> grpc.ServerCredentials:
    """Credentials that each handshake finds up to date.

    Where there are client authorities, no caller without a certificate gets in.
    """
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
