"""Each block of Python in the READMEs of the project and of the client is run, over the fake."""

import asyncio
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import path
from prometheus_client import REGISTRY, generate_latest

from sessiond import Client, Tls, UnsupportedError
from sessiond.testing import FakeSessiond
from tests.support.middleware.answers import ask_asgi, ask_wsgi
from tests.support.middleware.backends import configure_django

pytest_plugins = ["sessiond.testing.fixtures"]

ROOT = Path(__file__).parents[2]
README = ROOT / "clients" / "python" / "README.md"


def blocks_of(readme: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL)


BLOCKS = blocks_of(README)


@pytest.fixture(autouse=True)
def clients_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A service has its client for life, and so have its examples: here each would go on behind its test."""
    made: list[Client] = []
    begin = Client.__init__

    def noted(client: Client, *given: Any, **options: Any) -> None:
        begin(client, *given, **options)
        made.append(client)

    monkeypatch.setattr(Client, "__init__", noted)
    yield
    for client in made:
        client.close()


def run(fake: FakeSessiond, *marks: str) -> dict[str, Any]:
    """The names of the one block that has all marks in it, after it has run."""
    (block,) = [one for one in BLOCKS if all(mark in one for mark in marks)]
    return run_block(fake, block)


def run_block(fake: FakeSessiond, block: str, **given: Any) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "readme", **given}
    exec(compile(block.replace("127.0.0.1:50051", fake.target), str(README), "exec"), names)
    return names


def bearing(fake: FakeSessiond, *scopes: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {fake.login(scopes=scopes).access_token}")]


def test_the_project(fake_sessiond: FakeSessiond, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    walkthrough, with_a_key = blocks_of(ROOT / "README.md")
    run_block(fake_sessiond, walkthrough)
    assert capsys.readouterr().out == "alice\n"
    key = tmp_path / "web-key"
    key.write_text("key-of-web\n")
    block = with_a_key.replace("/run/secrets/web-key", str(key)).replace("AsyncClient(", "client = Client(")
    run_block(fake_sessiond, block, Client=Client, Path=Path, Tls=Tls)["client"].close()


def test_the_client(fake_sessiond: FakeSessiond, capsys: pytest.CaptureFixture[str]) -> None:
    names = run(fake_sessiond, "async def main")
    for scopes in (["orders:read"], []):
        asyncio.run(names["main"](fake_sessiond.login(scopes=scopes).access_token))
    welcome, refused = capsys.readouterr().out.splitlines()
    assert welcome.startswith("welcome sdp_")
    assert refused == "refused: SCOPE_INSUFFICIENT DENY"


def test_what_is_kept(fake_sessiond: FakeSessiond) -> None:
    with run(fake_sessiond, "max_entries")["client"] as client:
        assert client.numbers.misses == 1


@pytest.mark.parametrize("marks", [("sessiond.asgi",), ("sessiond.fastapi", "Depends(require(")])
async def test_asgi_and_fastapi(fake_sessiond: FakeSessiond, marks: tuple[str, ...]) -> None:
    app = run(fake_sessiond, *marks)["app"]
    found = [
        (await ask_asgi(app, headers, path=path)).status
        for headers, path in [
            (bearing(fake_sessiond, "orders:read"), "/orders"),
            (bearing(fake_sessiond), "/orders"),
            ([], "/orders"),
            ([], "/healthz"),
        ]
    ]
    assert found == [200, 403, 401, 200]


async def test_browsers(fake_sessiond: FakeSessiond) -> None:
    app = run(fake_sessiond, "AsyncBrowser")["app"]
    tokens = fake_sessiond.login()
    headers = [("Cookie", f"__Host-session={tokens.access_token}"), ("Sec-Fetch-Site", "same-origin")]
    assert (await ask_asgi(app, headers, path="/")).json == {"for": tokens.session.principal}
    assert (await ask_asgi(app, headers, "POST", "/logout")).status == 303
    assert (await ask_asgi(app, headers, path="/")).json == {"for": None}
    with pytest.raises(UnsupportedError):  # the fake has no provider
        await ask_asgi(app, path="/callback", query=b"code=a&verifier=b")


def test_flask(fake_sessiond: FakeSessiond) -> None:
    app = run(fake_sessiond, "sessiond.flask")["app"]
    assert b"sdp_" in ask_wsgi(app, bearing(fake_sessiond, "orders:read")).body
    assert ask_wsgi(app).status == 401
    assert ask_wsgi(app, path="/healthz").status == 200


def test_django(fake_sessiond: FakeSessiond) -> None:
    configure_django()
    views = run(fake_sessiond, "from django.http")
    module: Any = types.ModuleType("routes_of_the_readme")
    module.urlpatterns = [path("orders", views["orders"]), path("healthz", views["healthz"])]
    sys.modules[module.__name__] = module
    given = {name: value for name, value in run(fake_sessiond, "MIDDLEWARE =").items() if name.isupper()}
    with override_settings(ROOT_URLCONF=module.__name__, **given):
        app = WSGIHandler()
        assert b"sdp_" in ask_wsgi(app, bearing(fake_sessiond, "orders:read")).body
        assert ask_wsgi(app).status == 401
        assert ask_wsgi(app, path="/healthz").status == 200


async def test_grpc(fake_sessiond: FakeSessiond) -> None:
    server = run(fake_sessiond, "sessiond.grpc")["server"]()
    await server.stop(None)


def test_testing(fake_sessiond: FakeSessiond) -> None:
    run(fake_sessiond, "sessiond.testing")["test_orders"]()


def test_metrics(fake_sessiond: FakeSessiond) -> None:
    for marks in (("sessiond.prometheus",), ("sessiond.otel",)):
        with run(fake_sessiond, *marks)["client"] as client:
            client.validate(fake_sessiond.login().access_token)
    assert b"sessiond_client_validations_total" in generate_latest(REGISTRY)


def test_no_block_is_left_out(fake_sessiond: FakeSessiond) -> None:
    names = {"async def main", "max_entries", "sessiond.asgi", "Depends(require(", "sessiond.flask"}
    names |= {"from django.http", "MIDDLEWARE =", "sessiond.grpc", "AsyncBrowser", "sessiond.testing"}
    names |= {"sessiond.prometheus", "sessiond.otel"}
    left = [block for block in BLOCKS if not any(name in block for name in names)]
    assert left == []
    assert len(BLOCKS) == len(names)
