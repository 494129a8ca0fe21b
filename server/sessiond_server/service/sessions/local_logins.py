"""Logins that a backend vouches for, at the local issuer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sessiond_server.domain.claims import RESERVED_CLAIMS, Claims, read_claims
from sessiond_server.domain.failures import Input, InputRefusedError, quoted
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.session import IssuerLifetimes, Login, StoredSession
from sessiond_server.domain.token import JsonObject
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.clock import Clock
from sessiond_server.service.validation.keys import TokenMinter


class LocalLogins:
    """The local issuer: what a login there may say, and the access tokens of its sessions."""

    def __init__(
        self,
        policy: IssuerPolicy,
        *,
        lifetimes: IssuerLifetimes,
        default_client: str,
        minter: TokenMinter,
        read_object: Callable[[str], JsonObject | None],
        clock: Clock,
        max_token_bytes: int,
    ) -> None:
        self._policy = policy
        self.lifetimes = lifetimes
        self._default_client = default_client
        self._minter = minter
        self._read_object = read_object
        self._clock = clock
        self._max_token_bytes = max_token_bytes

    @property
    def issuer(self) -> str:
        """Its name."""
        return self._policy.issuer

    def complete(self, login: Login) -> Login:
        """The login with the issuer's own client and audiences where it names none.

        Raises:
            InputRefusedError: it says what it may not say.
        """
        foreign = set(login.audiences) - self._policy.audiences
        if foreign:
            allowed = ", ".join(sorted(self._policy.audiences))
            raise InputRefusedError(Input.AUDIENCES, found=quoted(min(foreign)), allowed=allowed)
        self._check_auth_time(login.auth_time)
        self._check_further_claims(login.claims_json)
        return replace(
            login,
            issuer=self.issuer,
            client_id=login.client_id or self._default_client,
            audiences=login.audiences or tuple(sorted(self._policy.audiences)),
        )

    def require_mintable(self, session: SessionId, login: Login) -> None:
        """Refuse, before anything is stored, a login whose token could not be validated afterwards.

        Raises:
            InputRefusedError: the access token would be too large, or a claim would not have its form.
        """
        now_ms, absolute_ms = int(self._clock.now() * 1000), self.lifetimes.longest.absolute_ms
        sample = StoredSession(session, login, 0, now_ms, now_ms, now_ms + absolute_ms, now_ms + absolute_ms)
        minted = self._minter.mint(sample)
        if len(minted.text) > self._max_token_bytes:
            raise InputRefusedError(
                Input.LOCAL_LOGIN,
                found=f"claims that make an access token of {len(minted.text)} bytes",
                allowed=f"an access token of at most {self._max_token_bytes} bytes",
            )
        rejected = read_claims(minted.parsed, self._policy)
        if isinstance(rejected, Rejected):
            found = f"another form of {rejected.fields['claim']}"
            raise InputRefusedError(Input.CLAIMS, found=found, allowed="claims of their specified form")

    def access_token(self, session: StoredSession) -> tuple[str, Claims]:
        """The access token of a session's current generation, and what it says."""
        minted = self._minter.mint(session)
        claims = read_claims(minted.parsed, self._policy)
        if isinstance(claims, Rejected):
            raise TypeError("the local issuer's policy refuses what the local issuer mints")
        return minted.text, claims

    def _check_auth_time(self, auth_time: int | None) -> None:
        latest = self._clock.now() + self._policy.clock_skew.total_seconds()
        if auth_time is not None and not 0 <= auth_time <= latest:
            found = "a time in the future" if auth_time > 0 else "a time before 1970"
            raise InputRefusedError(Input.AUTH_TIME, found=found, allowed="a time since 1970 that has passed")

    def _check_further_claims(self, claims_json: str) -> None:
        if not claims_json:
            return
        claims = self._read_object(claims_json)
        if claims is None:
            found = f"{len(claims_json)} characters that are not one"
            raise InputRefusedError(
                Input.CLAIMS, found=found, allowed="a JSON object without duplicate names"
            )
        reserved = RESERVED_CLAIMS.intersection(claims)
        if reserved:
            allowed = f"names other than {', '.join(sorted(RESERVED_CLAIMS))}"
            raise InputRefusedError(Input.CLAIMS, found=min(reserved), allowed=allowed)
