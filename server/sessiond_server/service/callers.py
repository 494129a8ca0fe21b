"""Tells who calls, by a bearer key or a client certificate."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sessiond_server.domain.caller import ANONYMOUS, Caller, Group
from sessiond_server.domain.failures import CallerUnknownError

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

    `key_digests` are SHA-256 over its keys as they are sent.
    """

    caller: Caller
    key_digests: tuple[bytes, ...]
    identities: frozenset[str]


class Callers:
    """The callers of this server.

    A call without any credentials is anonymous, and may do what `anonymous` says.
    """

    def __init__(self, known: Sequence[KnownCaller], *, anonymous: frozenset[Group]) -> None:
        self._keys = [(digest, one.caller) for one in known for digest in one.key_digests]
        self._identities = {identity: one.caller for one in known for identity in one.identities}
        self._anonymous = Caller(ANONYMOUS, anonymous)

    def identify(self, credentials: Credentials) -> Caller:
        """Whose call this is.

        A wrong key is never taken for no key: it is somebody's mistake, or worse.

        Raises:
            CallerUnknownError: the key is nobody's, or there are no credentials and anonymous calls may do
            nothing.
        """
        for identity in () if credentials.authorizations else credentials.identities:
            if identity in self._identities:
                return self._identities[identity]
        return self._by_headers(credentials)

    def identify_early(self, credentials: Credentials, *, by_certificate: bool) -> Caller | None:
        """Whose call this is, going by the headers alone; None where a client certificate may tell.

        `by_certificate` says that there may be one.

        Raises:
            CallerUnknownError: as `identify` raises it.
        """
        if by_certificate and self._identities and not credentials.authorizations:
            return None
        return self._by_headers(credentials)

    def _by_headers(self, credentials: Credentials) -> Caller:
        found = self._anonymous if self._anonymous.groups else None
        if credentials.authorizations:
            found = self._find_key(credentials.authorizations)
        if found is None:
            raise CallerUnknownError
        return found

    def _find_key(self, authorizations: Sequence[str]) -> Caller | None:
        presented = authorizations[0]
        if len(authorizations) > 1 or presented[: len(_SCHEME)].lower() != _SCHEME:
            return None
        digest = hashlib.sha256(presented[len(_SCHEME) :].encode()).digest()
        # All digests are compared, so that the time tells nothing of which was nearly right.
        matches = [caller for known, caller in self._keys if hmac.compare_digest(known, digest)]
        return matches[0] if matches else None
