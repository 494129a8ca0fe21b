"""Servers over one store and before a provider, and clients that make each refresh once."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sessiond import ProviderTokens
from tests.support.cluster import Cluster, running_cluster
from tests.support.config import scalekit
from tests.support.idp import Idp, running_idp
from tests.support.refreshes_once import RefreshesOnce

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens


@dataclass
class BeforeProvider:
    """`clients` has one for each server."""

    idp: Idp
    cluster: Cluster
    clients: list[RefreshesOnce]

    async def session(self, number: int = 0, subject: str = "usr_1") -> Tokens:
        """A session of the provider, opened at one of the servers."""
        answer = await self.idp.login(subject=subject)
        tokens = ProviderTokens(answer["access_token"], answer["refresh_token"], answer["id_token"])
        return await self.clients[number].create_session(self.idp.issuer, tokens)


@asynccontextmanager
async def before_provider(directory: Path, *, servers: int) -> AsyncIterator[BeforeProvider]:
    """So many servers, for as long as the context lasts."""
    async with AsyncExitStack() as stack:
        idp = await stack.enter_async_context(running_idp(directory / "idp.json"))
        provider = scalekit(idp.issuer, directory, tenants=["org_1"])
        cluster = await stack.enter_async_context(
            running_cluster(directory, servers=servers, providers=[provider], on_store_loss="accept")
        )
        clients = [
            await stack.enter_async_context(RefreshesOnce(member.address, key=cluster.key, timeout=20))
            for member in cluster.members
        ]
        yield BeforeProvider(idp, cluster, clients)
