"""The port of cutoffs: the ends of what many sessions share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.storage.revocations import Logged


@dataclass(frozen=True, slots=True)
class Shared:
    """What many sessions have in common: something of this type at an issuer.

    `identifier` is the type's own id there, and empty for the issuer itself.
    """

    type: RevocationType
    issuer: str
    identifier: str = ""

    @property
    def ends_for_good(self) -> bool:
        """Whether what begins later is revoked too: whoever stole a key writes any date into its tokens."""
        return self.type is RevocationType.KEY


class Cutoffs(Protocol):
    """Ends what many sessions share, without knowing which they are."""

    async def set(self, shared: Shared, *, cutoff_life_ms: int, entry_life_ms: int) -> Sequence[Logged]:
        """Revoke, in every partition, what has begun until now; a result for each of them.

        Sessions that began until then are refused when they are used next; a key's tokens are revoked for
        good, and its sessions go on. Whoever logs in after this has returned is not hit. The same again
        within a second logs nothing anew, where no session has begun since.

        Raises:
            StoreUnavailableError: some partitions may have the cutoff; repeating the call is safe.
        """
