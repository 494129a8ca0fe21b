"""A site whose visitors log in, with sessions in cookies.

    python clients/python/examples/site.py --sessiond 127.0.0.1:50051 --development
    open http://localhost:8000/

Without --development its cookies need https in front of it. It needs `sessiond[fastapi]` and uvicorn.
"""

from __future__ import annotations

import argparse
import html
from typing import Annotated
from urllib.parse import parse_qs

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from sessiond import AsyncClient, Session, SessiondError
from sessiond.browser import AsyncBrowser, CrossSiteError
from sessiond.fastapi import optional, protect, public, require

WELCOME = """<h1>Welcome</h1>
<form method="post" action="/login"><input name="name" required> <button>Log in</button></form>"""
HELLO = """<h1>Hello, {}</h1>
<form method="post" action="/logout"><button>Log out</button></form>"""


def site_of(target: str, *, development: bool) -> FastAPI:
    """The site, which asks a sessiond at `target`."""
    app = FastAPI()
    site = AsyncBrowser(lambda: AsyncClient(target), development=development, split_cookies=True)
    protect(app, site)

    @app.get("/")
    async def welcome(session: Annotated[Session | None, Depends(optional())]) -> HTMLResponse:
        page = HELLO.format(html.escape(session.subject)) if session else WELCOME
        return HTMLResponse(f"<!doctype html><title>Shop</title>{page}")

    @app.api_route("/orders", methods=["GET", "POST"])
    async def orders(session: Annotated[Session, Depends(require())]) -> PlainTextResponse:
        return PlainTextResponse(f"orders of {session.subject}\n")

    @app.post("/login", dependencies=[Depends(public)])
    async def login(request: Request) -> Response:
        # It believes everybody. Where a provider knows who it is, that is in its callback, and calls
        # create_session_from_code.
        if site.is_cross_site:  # it brings no cookies, so that nothing else sees it
            return PlainTextResponse("another site wants you to log in", 403)
        (name,) = parse_qs((await request.body()).decode())["name"]
        try:
            await site.start(await site.client.create_local_session(name, device=site.device))
        except SessiondError:
            return PlainTextResponse("nobody can log in now", 503)
        return RedirectResponse("/", 303)

    @app.post("/logout", dependencies=[Depends(public)])
    async def logout() -> Response:
        try:
            await site.logout()
        except CrossSiteError:
            return PlainTextResponse("another site wants you to log out", 403)
        except SessiondError:
            return PlainTextResponse("you are still logged in: try again", 503)
        return RedirectResponse("/", 303)

    return app


def main() -> None:
    """Serve until it is told to stop."""
    parser = argparse.ArgumentParser(description="A site with sessions in cookies.")
    parser.add_argument("--sessiond", default="127.0.0.1:50051", help="where sessiond listens")
    parser.add_argument("--http", default="127.0.0.1:8000", help="where to serve HTTP")
    parser.add_argument("--development", action="store_true", help="set cookies for http://localhost")
    given = parser.parse_args()
    host, _, port = given.http.rpartition(":")
    app = site_of(given.sessiond, development=given.development)
    uvicorn.run(app, host=host, port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
