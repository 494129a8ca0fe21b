"""The one decision behind every middleware: may a request get through, and with which session."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

from sessiond.middleware import denials
from sessiond.middleware.credentials import (
    Credential,
    InvalidRequestError,
    Scheme,
    from_authorization,
    from_cookies,
    proof_of,
    require_cookie_name,
    require_origin,
)
from sessiond.middleware.cross_site import CrossSite
from sessiond.middleware.denials import Denial
from sessiond.middleware.request import Request
from sessiond.middleware.rules import Rule
from sessiond.policy import Policy
from sessiond.results import NextAction, Reason, Rejection, Session, Verdict


class Validator(Protocol):
    """What middleware for threads asks, such as a `Client`."""

    def validate(self, *asked: Any, **options: Any) -> Verdict:
        """The verdict on a token under a policy.

        It is called as `validate(token, policy, consistency=..., certificate_sha256=..., dpop=...)`, with
        those keywords that matter, and raises what a `Client` raises.
        """
        ...


class AsyncValidator(Protocol):
    """What middleware on asyncio asks, such as an `AsyncClient`; see `Validator`."""

    async def validate(self, *asked: Any, **options: Any) -> Verdict:
        """The verdict on a token under a policy."""
        ...


# A session, None where none is needed, or what the request is told instead.
Admission: TypeAlias = Session | Denial | None

# Under the scheme DPoP a token that any bearer could use is not good: its proof says nothing about it
# (RFC 9449 §7.1).
_UNBOUND: Final = Rejection(
    reason=Reason.BINDING_MISMATCH,
    message="the token is bound to no key",
    next_action=NextAction.DENY,
    www_authenticate='DPoP error="invalid_token", error_description="the token is bound to no key"',
)


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """What a validator is to be asked about a request."""

    credential: Credential
    policy: Policy
    options: dict[str, Any] = field(default_factory=dict)

    def ask(self, validator: Validator) -> Admission:
        """Ask from a thread; whatever goes wrong, nobody gets through."""
        try:
            verdict = validator.validate(self.credential.token, self.policy, **self.options)
            return self._conclude(verdict)
        except Exception as error:  # noqa: BLE001 - of any other error the request is refused
            return denials.of_error(error)

    async def ask_async(self, validator: AsyncValidator) -> Admission:
        """Ask on asyncio."""
        try:
            verdict = await validator.validate(self.credential.token, self.policy, **self.options)
            return self._conclude(verdict)
        except Exception as error:  # noqa: BLE001 - of any other error the request is refused
            return denials.of_error(error)

    def _conclude(self, verdict: Verdict) -> Admission:
        match verdict:
            case Session() if self.credential.scheme is Scheme.DPOP and not _is_bound_to_key(verdict):
                return denials.of_rejection(_UNBOUND)
            case Session():
                return verdict
            case Rejection():
                return denials.of_rejection(verdict)
        raise TypeError(f"the validator gave no verdict, but {type(verdict).__name__}")


class Gate:
    """Where tokens and proofs are taken from."""

    def __init__(
        self,
        *,
        cookie: str = "",
        trusted_origins: Sequence[str] = (),
        allow_missing_origin: bool = False,
        dpop_origin: str = "",
    ) -> None:
        require_cookie_name(cookie)
        for origin in trusted_origins:
            require_origin("trusted_origins", origin)
        if dpop_origin:
            require_origin("dpop_origin", dpop_origin)
        self._cookie = cookie
        self._cross_site = CrossSite(tuple(trusted_origins), allow_missing_origin)
        self._dpop_origin = dpop_origin

    def examine(self, request: Request, rule: Rule) -> Question | Denial | None:
        """What is to be asked, None where a request gets through without, or what it is told at once."""
        if rule.is_public:
            return None
        if rule.is_for_nobody:
            return denials.NO_POLICY
        try:
            found = self._credential(request)
            if found is None:
                return None if rule.is_optional else self.missing(rule)
            if found.scheme is Scheme.COOKIE and self.is_cross_site(request):
                return denials.CROSS_SITE
            return Question(found, rule.policy, self.options(request, rule, found.scheme))
        except InvalidRequestError as error:
            return denials.invalid(error)

    def missing(self, rule: Rule) -> Denial:
        """What a request without a token is told."""
        return denials.missing(rule.policy, takes_dpop=self._dpop_origin != "")

    def is_cross_site(self, request: Request) -> bool:
        """Whether another site may have caused a request with a cookie."""
        return self._cross_site.forbids(request)

    def _credential(self, request: Request) -> Credential | None:
        """A token in the header that is not good is never made up for by a cookie."""
        found = from_authorization(request.header("authorization"))
        if found is None and self._cookie:
            return from_cookies(request.header("cookie"), self._cookie)
        return found

    def options(self, request: Request, rule: Rule, scheme: Scheme) -> dict[str, Any]:
        """Beside the consistency what shows that the bearer has the key of a bound token.

        Which proof a token needs is for the server to say.
        """
        options: dict[str, Any] = {}
        if rule.consistency is not None:
            options["consistency"] = rule.consistency
        if scheme is Scheme.DPOP:
            proof = proof_of(request.header("dpop"), request.method, self._dpop_origin, request.path)
            return options if proof is None else options | {"dpop": proof}
        certificate = request.certificate()
        if certificate is None:
            return options
        return options | {"certificate_sha256": hashlib.sha256(certificate).digest()}


def _is_bound_to_key(session: Session) -> bool:
    """Whether a token names the key of a DPoP proof (RFC 9449 §6.1)."""
    confirmation = session.claims.get("cnf")
    thumbprint = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    return isinstance(thumbprint, str) and thumbprint != ""
