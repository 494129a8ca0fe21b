"""The Python client without its repeated refreshes, to see each answer of the server itself."""

from __future__ import annotations

from typing import Any

from sessiond import AsyncClient
from sessiond.repeats import IDEMPOTENT, NEVER, Repeats


class RefreshesOnce(AsyncClient):
    """Makes each refresh once: a second one would be another question to the provider."""

    async def _call(self, *arguments: Any, repeats: Repeats = IDEMPOTENT, **options: Any) -> Any:
        return await super()._call(*arguments, repeats=repeats if repeats is IDEMPOTENT else NEVER, **options)
