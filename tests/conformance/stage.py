"""What cases share: the testee, certificates, and one real server."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import aiohttp

from tests.conformance.testee import Testee
from tests.support.certificates import Authority
from tests.support.open_server import open_server
from tests.support.server import running
from tests.support.signing import ABSENT, Signer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.agent.ways import Through
    from tests.conformance.cases import Case
    from tests.support.server import Server


class Stage:
    """Starts what is needed when it is first needed, and ends it all; `command` starts a testee.

    Its client reaches servers `through` agents, if that is said.
    """

    def __init__(self, command: str, through: Through | None = None) -> None:
        self._command = command
        self.through = through
        self._stack = AsyncExitStack()
        self._testee: Testee | None = None
        self._real: tuple[Server, Signer] | None = None
        self.key = "key-of-a-caller-of-agents"
        """That of clients who ask an agent for more than verdicts; a real server knows it."""
        self.folder = Path()

    async def __aenter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="conformance-")))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._testee:
            await self._testee.stop()
        await self._stack.aclose()

    async def testee(self) -> Testee:
        """The testee, started anew where the one before is gone."""
        if self._testee is None or self._testee.is_gone:
            if self._testee:
                await self._testee.stop()
            self._testee = await Testee.start(self._command)
        return self._testee

    async def why_skipped(self, case: Case) -> str:
        """Why a case is not carried out; empty where it is."""
        why = case.why_skipped(await self.testee())
        return why or (self.through.why_left_out(case) if self.through else "")

    async def another_testee(self, environment: Mapping[str, str]) -> Testee:
        """One with an environment of its own; whoever asks for it stops it."""
        return await Testee.start(self._command, environment)

    async def real(self) -> tuple[Server, Signer]:
        """A real server, `sessiond dev` or one like it, and what signs as it does."""
        if self._real is None:
            if self.through:
                server = await self._stack.enter_async_context(open_server(self.folder))
                self.key = server.key or ""
            else:
                data = self.folder / "real"
                server = await self._stack.enter_async_context(running(data, self.folder / "real.log"))
            jwks = f"http://{server.http}/.well-known/jwks.json"
            async with aiohttp.ClientSession() as session, session.get(jwks) as answer:
                (key,) = (await answer.json())["keys"]
            self._real = server, Signer.of(server.data, key["kid"])
        return self._real

    async def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A token of the real server's issuer; what is null is left out."""
        _, signer = await self.real()
        given = [
            {name: ABSENT if value is None else value for name, value in part.items()}
            for part in (header, claims)
        ]
        return signer.token(given[0], **given[1])


class Certificates:
    """The files of one case: an authority, a server's and a client's certificate, and another authority."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._others = Authority("others")
        self._authority = Authority()
        self.renew()

    def renew(self) -> None:
        """Put certificates of a new authority where those of the old one were."""
        self._authority = Authority()
        self._write("authority.pem", self._authority.certificate)
        self._write("other.pem", self._others.certificate)
        self._authority.issue("127.0.0.1").write(self._folder, "server")
        self._authority.issue("spiffe://conformance.example/client").write(self._folder, "client")

    @property
    def files(self) -> dict[str, str]:
        """What cases call them."""
        names = {
            "authorities": "authority.pem",
            "other_authorities": "other.pem",
            "certificate": "client.pem",
            "private_key": "client-key.pem",
        }
        return {name: str(self._folder / file) for name, file in names.items()}

    def context(self, *, mutual: bool) -> ssl.SSLContext:
        """The server's side; `mutual` asks for a client's certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "server.pem", self._folder / "server-key.pem")
        context.set_alpn_protocols(["h2"])
        if mutual:
            context.load_verify_locations(self._folder / "authority.pem")
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _write(self, name: str, content: bytes) -> None:
        (self._folder / name).write_bytes(content)
