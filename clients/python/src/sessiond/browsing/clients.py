"""What a site needs of a client."""

from __future__ import annotations

from typing import Any, Protocol

from sessiond.middleware.gate import AsyncValidator, Validator
from sessiond.results import RevocationResult, Tokens


class BrowserClient(Validator, Protocol):
    """What browsers' sessions need of a client for threads, such as a `Client`."""

    def refresh(self, *asked: Any, **options: Any) -> Tokens:
        """Spend a refresh token."""
        ...

    def revoke_session(self, *asked: Any, **options: Any) -> RevocationResult:
        """End a session by its id."""
        ...

    def revoke_refresh_token(self, *asked: Any, **options: Any) -> RevocationResult:
        """End the session of a refresh token."""
        ...

    def revoke_access_token(self, *asked: Any, **options: Any) -> RevocationResult:
        """End the session of an access token."""
        ...


class AsyncBrowserClient(AsyncValidator, Protocol):
    """What browsers' sessions need of a client on asyncio, such as an `AsyncClient`."""

    async def refresh(self, *asked: Any, **options: Any) -> Tokens:
        """Spend a refresh token."""
        ...

    async def revoke_session(self, *asked: Any, **options: Any) -> RevocationResult:
        """End a session by its id."""
        ...

    async def revoke_refresh_token(self, *asked: Any, **options: Any) -> RevocationResult:
        """End the session of a refresh token."""
        ...

    async def revoke_access_token(self, *asked: Any, **options: Any) -> RevocationResult:
        """End the session of an access token."""
        ...
