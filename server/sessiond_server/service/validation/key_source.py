"""The port by which a provider is asked for its key set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from sessiond_server.service.storage.key_sets import Document
from sessiond_server.service.validation.keys import VerificationKey


@dataclass(frozen=True, slots=True)
class Unfetched:
    """Why there is no document, in the words of a metric's label; `detail` is a line for a person."""

    why: str
    detail: str = ""


class FetchKeySet(Protocol):
    """Asks a provider for its key set."""

    async def __call__(self, entity_tag: str | None, *, anew: bool) -> Document | Unfetched:
        """The key set, or, where there is an `entity_tag`, the news that it is still right.

        `anew` asks past whatever is remembered here and on the way.
        """


# The usable keys of a JWK set by id; None where the document is no JWK set.
ReadKeySet: TypeAlias = Callable[[bytes], Mapping[str, VerificationKey] | None]
