"""A site over three processes, behind a proxy that ends TLS, and a real browser."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import PROGRAM, Chromium, running_chromium
from tests.browser.front import SITE, Front, running_front
from tests.support.certificates import Authority
from tests.support.go_programs import build, shared_directory
from tests.support.proxy import Proxy, running_proxy
from tests.support.server import running
from tests.support.valkeys import free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROCESSES = 3
ROOT = Path(__file__).resolve().parent.parent.parent
GO_CLIENT = ROOT / "clients/go"
JAVA_SITE = ROOT / "clients/java/examples/target"
TYPESCRIPT_SITE = ROOT / "clients/typescript/build/examples/browser.js"
PYTHON_CLIENT = ROOT / "clients/python"


@dataclass
class Site:
    """The site, as its visitor has it. Each process has a link of its own to sessiond."""

    chromium: Chromium
    front: Front
    links: list[Proxy]
    shots: Path
    """Where screenshots go."""


@pytest.fixture(scope="session", params=["go", "java", "python", "typescript"])
def site_program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What starts the example of a site, in each language."""
    if request.param == "python":
        return [sys.executable, str(PYTHON_CLIENT / "examples" / "site.py")]
    if request.param == "java":
        if shutil.which("java") is None or not JAVA_SITE.exists():
            pytest.skip("the Java client is not built: make clients")
        return ["java", "-cp", f"{JAVA_SITE}/*:{JAVA_SITE}/lib/*", "dev.sessiond.examples.Site"]
    if request.param == "typescript":
        if not TYPESCRIPT_SITE.exists():
            pytest.skip("the TypeScript client is not built: make clients")
        return ["node", str(TYPESCRIPT_SITE)]
    if shutil.which("go") is None:
        pytest.skip("there is no Go here")
    return [str(build(shared_directory(tmp_path_factory), "site", "./examples/browser", module=GO_CLIENT))]


@pytest.fixture(scope="session")
async def running_site(
    site_program: list[str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    if PROGRAM is None:
        pytest.skip("there is no Chromium here")
    folder = tmp_path_factory.mktemp("site")
    shots = Path(os.environ.get("SCREENSHOTS", folder / "screenshots"))
    shots.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(folder / "data", folder / "log"))
        port = int(server.grpc.rpartition(":")[2])
        links = [await stack.enter_async_context(running_proxy(port)) for _ in range(PROCESSES)]
        processes = [await stack.enter_async_context(_process(site_program, link)) for link in links]
        front = await stack.enter_async_context(running_front(processes, _tls(folder)))
        profile = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        )
        chromium = await stack.enter_async_context(running_chromium(Path(profile), front.port))
        yield Site(chromium, front, links, shots)


@pytest.fixture
async def site(running_site: Site) -> Site:
    """The same, of which nobody knows anything yet."""
    await running_site.chromium.forget_everything()
    running_site.front.begin_anew()
    return running_site


@asynccontextmanager
async def _process(program: list[str], link: Proxy) -> AsyncIterator[str]:
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        *program, "--sessiond", f"127.0.0.1:{link.port}", "--http", address
    )
    try:
        await eventually(lambda: _listens(address), timeout=30)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


def _tls(folder: Path) -> ssl.SSLContext:
    certificate, key = Authority().issue(SITE).write(folder, "site")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
