"""Starts `sessiond dev` and walks once through the main job against it, so that a newcomer sees it work."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond import AsyncClient, RefreshRefusedError, Session, Tokens, Verdict

GRACE_SECONDS = 10
START_SECONDS = 20.0
DATA = Path(".sessiond-dev")


def parsed_arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--listen", default="127.0.0.1:50051", help="where the server serves gRPC (default: %(default)s)"
    )
    parser.add_argument(
        "--http", default="127.0.0.1:8080", help="where it serves HTTP (default: %(default)s)"
    )
    parser.add_argument(
        "--data", type=Path, default=DATA, help="where its store and keys live (default: %(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="stop behind the walk instead of staying up")
    return parser.parse_args()


async def main(arguments: argparse.Namespace) -> int:
    """Start, walk, stay up; the exit status is the server's."""
    command = ["-m", "sessiond_server", "dev", "--listen", arguments.listen, "--http", arguments.http]
    log = arguments.data.with_name(f"{arguments.data.name}.log")
    with log.open("wb") as stderr:
        server = await asyncio.create_subprocess_exec(
            sys.executable, *command, "--data", str(arguments.data), stderr=stderr
        )
    print(f"starting sessiond dev, its log is in {log}")
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(_walk_and_stay(arguments, server, log))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        print("\nstopping the server")
    finally:
        if server.returncode is None:
            server.terminate()
        status = await server.wait()
    return status


async def _walk_and_stay(arguments: argparse.Namespace, server: Process, log: Path) -> None:
    serving = asyncio.create_task(_wait_until_serving(arguments.listen))
    ended = asyncio.create_task(server.wait())
    await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    if ended.done():
        serving.cancel()
        print(log.read_text().rstrip().rpartition("\n")[2], file=sys.stderr)
        return
    await serving
    async with AsyncClient(arguments.listen) as client:
        await _walk(client)
    if arguments.once:
        return
    _print_how_to_call(arguments.listen)
    await ended


async def _wait_until_serving(listen: str) -> None:
    """Return when the health service says SERVING."""
    async with asyncio.timeout(START_SECONDS), grpc.aio.insecure_channel(listen) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), wait_for_ready=True
        )
        async for answer in watch:
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return


async def _walk(client: AsyncClient) -> None:
    print("\nThe main job, call by call (tokens are cut short):\n")
    first = await client.create_local_session("alice", tenant_id="acme", scopes=["orders:read"])
    _show("CreateSession(subject=alice)", _tokens(first))
    _show("ValidateToken(access token)", _verdict(await client.validate(first.access_token)))
    _show(
        "ValidateToken(required scope orders:write)",
        _verdict(await client.validate(first.access_token, scopes=["orders:write"])),
    )
    second = await client.refresh(first.refresh_token)
    spent_at = asyncio.get_running_loop().time()
    _show("RefreshSession(refresh token)", _tokens(second))
    again = await client.refresh(first.refresh_token)
    same = "the same successor" if again.refresh_token == second.refresh_token else "ANOTHER successor"
    _show("RefreshSession(the same token again)", f"{_tokens(again)}: {same}, replayed={again.replayed}")
    await _walk_revocation(client)
    _show("ValidateToken(forged token)", _verdict(await client.validate(_forged(first.access_token))))
    await _walk_reuse(client, first, second, spent_at)


async def _walk_revocation(client: AsyncClient) -> None:
    other = await client.create_local_session("bob")
    _show("CreateSession(subject=bob)", _tokens(other))
    revoked = await client.revoke_session(other.session.session_id)
    _show("RevokeSession(bob's session)", f"{revoked.sessions_ended} session ended")
    _show("ValidateToken(bob's access token)", _verdict(await client.validate(other.access_token)))


async def _walk_reuse(client: AsyncClient, first: Tokens, second: Tokens, spent_at: float) -> None:
    """Show that a spent token is answered again for the grace, for replies that were lost.

    After the grace whoever presents it can only be a thief.
    """
    left = spent_at + GRACE_SECONDS + 0.5 - asyncio.get_running_loop().time()
    print(f"  (waiting {left:.0f} s for the grace of alice's first refresh token to pass)", flush=True)
    await asyncio.sleep(left)
    try:
        await client.refresh(first.refresh_token)
    except RefreshRefusedError as refused:
        _show("RefreshSession(alice's spent token, behind its grace)", f"refused: {refused.reason}")
    _show("ValidateToken(alice's newest access token)", _verdict(await client.validate(second.access_token)))


def _show(call: str, answer: str) -> None:
    print(f"  {call:<54} -> {answer}", flush=True)


def _tokens(tokens: Tokens) -> str:
    return f"{tokens.access_token[:12]}…, {tokens.refresh_token[:12]}…"


def _verdict(verdict: Verdict) -> str:
    if isinstance(verdict, Session):
        return (
            f"accepted: {verdict.subject} in {verdict.tenant_id or 'no tenant'}, "
            f"scopes {', '.join(verdict.scopes) or 'none'}"
        )
    return f"rejected: {verdict.reason}, {verdict.next_action}"


def _forged(token: str) -> str:
    """The same token under another signature."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{signature[::-1][1:]}A"


def _print_how_to_call(listen: str) -> None:
    print(f"""
sessiond stays up at {listen}; Ctrl-C ends it. Call it from another terminal:

  npx @bufbuild/buf curl --protocol grpc --http2-prior-knowledge \\
    -d '{{"token": "eyJ..."}}' http://{listen}/sessiond.v1.SessionService/ValidateToken

or from Python, with `.venv/bin/python`:

  import asyncio
  from sessiond import AsyncClient

  async def main():
      async with AsyncClient("{listen}") as client:
          tokens = await client.create_local_session("carol")
          print(await client.validate(tokens.access_token))

  asyncio.run(main())
""", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(asyncio.run(main(parsed_arguments())))
