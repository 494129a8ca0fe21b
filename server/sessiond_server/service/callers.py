"""Tells who calls, by a bearer key, a client certificate, or the token of a workload."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn, Protocol

from typing_extensions import override

from sessiond_server.domain.caller import ANONYMOUS, Caller, Group
from sessiond_server.domain.failures import CallerUnknownError
from sessiond_server.domain.token import has_dots_of_a_jws

_SCHEME: Final = "bearer "


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a call brings along to show whose it is.

    These are its `authorization` headers, and the names in its verified client certificate.
    """

    authorizations: tuple[str, ...] = ()
    identities: Collection[str] = ()


@dataclass(frozen=True, slots=True, repr=False)
class KnownCaller:
    """A configured caller, and how it shows who it is.

    `key_digests` are SHA-256 over its keys as they are sent, `workloads` the subjects of its tokens.
    """

    caller: Caller
    key_digests: tuple[bytes, ...]
    identities: frozenset[str]
    workloads: frozenset[Workload] = frozenset()


class Workload(NamedTuple):
    """Something that runs, as its issuer names it: equal names at two issuers are two workloads."""

    issuer: str
    subject: str


class PresentedToken(NamedTuple):
    """What may be the token of a workload, and SHA-256 over it; nothing of it is read yet."""

    text: bytes
    digest: bytes


class WorkloadTokens(Protocol):
    """Tells which caller a token is of, if it is a good one; what is made up costs it little."""

    def identify(self, token: PresentedToken) -> Caller:
        """The caller, by what is known here: nobody is asked, and nothing waited for.

        Raises:
            CallerUnknownError: the token is not good, is nobody's, or its key is not held here.
            OverloadedError: as `meet` raises it.
        """

    def meet(self, token: PresentedToken) -> Caller | Awaitable[Caller]:
        """The caller; to be waited for where the token's key has to be asked for.

        Raises, at once or in the end:
            CallerUnknownError: the token is not good, or is nobody's.
            KeysUnavailableError: its key is unknown here, and the issuer cannot be asked now.
            OverloadedError: too many tokens were made up lately, and this one was never seen.
        """


class _NoWorkloads(WorkloadTokens):
    """Knows nobody by a token, and looks at none."""

    @override
    def identify(self, token: PresentedToken) -> NoReturn:
        raise CallerUnknownError

    @override
    def meet(self, token: PresentedToken) -> NoReturn:
        raise CallerUnknownError


NO_WORKLOADS: Final = _NoWorkloads()


class Callers:
    """The callers of this server.

    A call without any credentials is anonymous, and may do what `anonymous` says. `everybody` are all who may
    do anything.
    """

    def __init__(
        self,
        known: Sequence[KnownCaller],
        *,
        anonymous: frozenset[Group],
        workloads: WorkloadTokens = NO_WORKLOADS,
    ) -> None:
        self._keys = [(digest, one.caller) for one in known for digest in one.key_digests]
        self._identities = {identity: one.caller for one in known for identity in one.identities}
        self._anonymous = Caller(ANONYMOUS, anonymous)
        self._workloads = workloads
        self.everybody: Final = (*(one.caller for one in known), *([self._anonymous] if anonymous else []))

    def identify(self, credentials: Credentials) -> Caller:
        """Whose call this is, once `identify_early` has let it in.

        A wrong key is never taken for no key: it is somebody's mistake, or worse.

        Raises:
            CallerUnknownError: the key or the token is nobody's, or there are no credentials and anonymous
            calls may do nothing.
        """
        for identity in () if credentials.authorizations else credentials.identities:
            if identity in self._identities:
                return self._identities[identity]
        found, token = self._by_headers(credentials)
        return self._workloads.identify(token) if token else _required(found)

    def identify_early(
        self, credentials: Credentials, *, by_certificate: bool
    ) -> Caller | Awaitable[Caller] | None:
        """Whose call this is, going by the headers alone; None where a client certificate may tell.

        `by_certificate` says that there may be one. The token of a workload may have to be waited for.

        Raises:
            CallerUnknownError: as `identify` raises it.
            KeysUnavailableError, OverloadedError: as `WorkloadTokens.meet` raises them.
        """
        if by_certificate and self._identities and not credentials.authorizations:
            return None
        found, token = self._by_headers(credentials)
        return self._workloads.meet(token) if token else _required(found)

    def _by_headers(self, credentials: Credentials) -> tuple[Caller | None, PresentedToken | None]:
        """The caller, or what may be its token."""
        if credentials.authorizations:
            return self._by_bearer(credentials.authorizations)
        return self._anonymous if self._anonymous.groups else None, None

    def _by_bearer(self, authorizations: Sequence[str]) -> tuple[Caller | None, PresentedToken | None]:
        presented = authorizations[0]
        if len(authorizations) > 1 or presented[: len(_SCHEME)].lower() != _SCHEME:
            return None, None
        text = presented[len(_SCHEME) :].encode()
        digest = hashlib.sha256(text).digest()
        # All digests are compared, so that the time tells nothing of which was nearly right.
        matches = [caller for known, caller in self._keys if hmac.compare_digest(known, digest)]
        if matches:
            return matches[0], None
        return None, PresentedToken(text, digest) if has_dots_of_a_jws(text) else None


def _required(found: Caller | None) -> Caller:
    if found is None:
        raise CallerUnknownError
    return found
