"""What a revocation names, and which sessions of the model that ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessiond.v1 import session_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.session_model.families import Family

KINDS = ("session", "refresh token", "subject", "tenant", "client")


@dataclass(frozen=True)
class Target:
    """Something of a session, of which others may be too."""

    kind: str
    family: Family

    @property
    def is_of_subject(self) -> bool:
        return self.kind in {"session", "refresh token", "subject"}

    def families(self, known: Iterable[Family]) -> list[Family]:
        """All that it ends."""
        one = self.family
        if self.kind in {"session", "refresh token"}:
            return [one]
        found = [each for each in known if each.issuer == one.issuer]
        return [each for each in found if self.kind != "subject" or each.subject == one.subject]

    def request(self) -> pb.RevokeSessionRequest:
        one = self.family
        match self.kind:
            case "session":
                return pb.RevokeSessionRequest(session_id=one.session)
            case "refresh token":
                return pb.RevokeSessionRequest(refresh_token=one.tokens[min(one.tokens)])
            case "subject":
                subject = pb.Subject(issuer=one.issuer, subject=one.subject)
                return pb.RevokeSessionRequest(subject=subject)
            case "tenant":
                return pb.RevokeSessionRequest(tenant=pb.Tenant(issuer=one.issuer, tenant_id=one.tenant))
            case _:
                client = pb.ClientApplication(issuer=one.issuer, client_id=one.client)
                return pb.RevokeSessionRequest(client=client)
