"""A provider with Scalekit's endpoints and formats, for tests.

`python -m tests.idp --port 0` prints its address and serves.

`/control` shows what it was asked and sets its switches; `/control/login` logs a subject in.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import hashlib
import json
import secrets
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.idp.assertions import read_assertion
from tests.idp.state import Counts, State

CLIENT_ID = "skc_test"
CLIENT_SECRET = "test_secret"
OTHER_CLIENT_ID = "skc_mobile"
OTHER_CLIENT_SECRET = "mobile_secret"
SECRETS = {CLIENT_ID: CLIENT_SECRET, OTHER_CLIENT_ID: OTHER_CLIENT_SECRET}


class Provider:
    """The handlers."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.issuer = ""
        self.released = asyncio.Event()

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/keys", self.keys),
                web.get("/.well-known/openid-configuration", self.discovery),
                web.post("/oauth/token", self.token),
                web.post("/oauth/revoke", self.revoke),
                web.get("/control", self.show),
                web.post("/control", self.switch),
                web.post("/control/keys", self.change_keys),
                web.post("/control/login", self.login),
                web.post("/control/sign", self.sign),
            ]
        )
        return application

    async def discovery(self, _: web.Request) -> web.Response:
        self.state.counts.discovery += 1
        switches = self.state.switches
        document = {
            "issuer": self.issuer,
            "jwks_uri": switches.jwks_uri or f"{self.issuer}/keys",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "revocation_endpoint": f"{self.issuer}/oauth/revoke",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        } | switches.discovery
        return web.json_response(
            {name: value for name, value in document.items() if value is not None},
            status=switches.discovery_status,
        )

    async def keys(self, request: web.Request) -> web.StreamResponse:
        self.state.counts.keys += 1
        match self.state.switches.keys:
            case "good":
                return self._good_keys(request)
            case "empty" | "garbage" | "swap" as mode:
                return web.json_response(self.state.spoilt_jwks(mode))
            case "unchanged":
                return web.Response(status=304, headers={"ETag": '"any"'})
            case "html":
                return web.Response(text="<html>", content_type="text/html")
            case "redirect":
                raise web.HTTPFound("http://169.254.169.254/latest/meta-data")
            case "gzip":
                body = gzip.compress(b" " * 10_000_000)
                return web.Response(body=body, headers={"Content-Encoding": "gzip"})
            case "huge" | "endless" as mode:
                return await self._stream(request, megabytes=50 if mode == "huge" else 100_000)
            case "slow":
                await asyncio.sleep(30)
                return self._good_keys(request)
            case "hold":
                await self.released.wait()
                return self._good_keys(request)
            case _:
                return web.Response(status=500)

    def _good_keys(self, request: web.Request) -> web.Response:
        body = json.dumps(self.state.jwks()).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(
            body=body, content_type="application/json", headers={"ETag": tag, "Cache-Control": "max-age=60"}
        )

    async def _stream(self, request: web.Request, *, megabytes: int) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(megabytes):
                await response.write(b" " * 1_000_000)
        except ConnectionError:
            pass
        return response

    async def token(self, request: web.Request) -> web.Response:
        state, switches = self.state, self.state.switches
        state.counts.token += 1
        form = await request.post()
        await asyncio.sleep(switches.latency)
        if switches.hold:
            switches.hold -= 1
            await self.released.wait()
        if switches.times:
            switches.times -= 1
            return web.json_response({"error": switches.error or "server_error"}, status=switches.status)
        if not self._knows(form, request.path):
            return web.json_response({"error": "invalid_client"}, status=401)
        login = self._grant(form)
        if login is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        answer = self._tokens(login, str(form.get("refresh_token", "")))
        if switches.break_after:
            switches.break_after -= 1
            return web.json_response({"error": "server_error"}, status=500)
        if switches.lose:
            switches.lose -= 1
            request.transport.close()  # type: ignore[union-attr]
        return web.json_response(answer)

    def _knows(self, form: Any, path: str) -> bool:
        """Whether it is one of the clients, with its secret, or with an assertion where it has a key."""
        client_id, switches = str(form.get("client_id")), self.state.switches
        if client_id not in switches.client_keys:
            secret = SECRETS.get(client_id)
            return secret is not None and form.get("client_secret") == secret
        places = {"endpoint": path, "token_endpoint": "/oauth/token"}
        audience = f"{self.issuer}{places.get(switches.assertion_audience, '')}"
        found = read_assertion(form, switches.client_keys[client_id], audience=audience, used=self.state.used)
        if found is not None:
            self.state.counts.assertions.append(found)
        return found is not None

    def _grant(self, form: Any) -> dict[str, Any] | None:
        if form.get("grant_type") == "refresh_token":
            self.state.counts.refreshed += 1
            token = str(form.get("refresh_token"))
            return self.state.spend(token) if self.state.is_of(token, str(form["client_id"])) else None
        code = self.state.codes.pop(str(form.get("code")), None)
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        if code is None or code["redirect_uri"] != form.get("redirect_uri"):
            return None
        return (
            code["login"]
            if code["challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            else None
        )

    def _tokens(self, login: dict[str, Any], presented: str) -> dict[str, Any]:
        state = self.state
        answer = {
            "access_token": state.access_token(self.issuer, login),
            "id_token": state.id_token(self.issuer, login),
            "token_type": "Bearer",
            "expires_in": state.switches.access_lifetime,
        } | state.switches.refresh_life
        if state.switches.omit_refresh_token:
            return answer
        is_kept = state.switches.rotation == "static" and presented
        return answer | {"refresh_token": presented if is_kept else state.new_refresh_token(login)}

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke a refresh token for the client that it was issued to alone (RFC 7009 §2.1)."""
        form = await request.post()
        token = str(form.get("token"))
        if not self._knows(form, request.path) or not self.state.is_of(token, str(form["client_id"])):
            return web.json_response({"error": "invalid_client"}, status=401)
        self.state.counts.revoked.append(token)
        return web.Response()

    async def show(self, _: web.Request) -> web.Response:
        return web.json_response(self.state.shown())

    async def switch(self, request: web.Request) -> web.Response:
        """Set some switches, and count anew."""
        self.state.switches = replace(self.state.switches, **await request.json())
        self.state.counts = Counts(revoked=self.state.counts.revoked)
        self.released.set()
        self.released = asyncio.Event()
        return web.Response()

    async def change_keys(self, request: web.Request) -> web.Response:
        match (await request.json())["do"]:
            case "add":
                self.state.add_key()
            case "drop":
                self.state.drop_old_keys()
        return web.Response()

    async def sign(self, request: web.Request) -> web.Response:
        """Any header over any claims, with the signature that makes a token."""
        wanted = await request.json()
        return web.json_response(self.state.sign(wanted["claims"], wanted["header"]))

    async def login(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        login = {
            "subject": "usr_1",
            "tenant": "org_1",
            "client_id": CLIENT_ID,
            "session": f"ses_{secrets.token_hex(6)}",
            "scope": "openid offline_access orders",
        } | wanted
        if "challenge" not in wanted:
            return web.json_response(self._tokens(login, ""))
        code = secrets.token_urlsafe(16)
        self.state.codes[code] = {
            "login": login,
            "challenge": wanted["challenge"],
            "redirect_uri": wanted["redirect_uri"],
        }
        self.state.save()
        return web.json_response({"code": code})


async def serve(port: int, file: Path | None) -> None:
    provider = Provider(State.load(file))
    runner = web.AppRunner(provider.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    print(provider.issuer, flush=True)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    await runner.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.idp", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path, help="where keys and refresh tokens outlive a restart")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.state))
    return 0


if __name__ == "__main__":
    sys.exit(main())
