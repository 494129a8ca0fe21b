"""Runs the backend of one route that is among the examples of a language: `check_backends.py go`.

It is there twice, with the client and by generated stubs alone: both must answer alike. `clients/README.md`
says how long each of them is.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from sessiond.testing import FakeSessiond

CLIENTS: Final = Path(__file__).resolve().parent.parent / "clients"
PATIENCE_SECONDS: Final = 60
TOLD: Final = ("Cache-Control", "Retry-After", "WWW-Authenticate")
JAVA: Final = ["java", "-cp", "examples/target/*:examples/target/lib/*"]
JAVA_SOURCES: Final = "examples/src/main/java/dev/sessiond/examples"
# The source of each program, by stubs and with the client, and how it is run.
PROGRAMS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "go": {
        "examples/ordersbystubs/main.go": ["go", "run", "./examples/ordersbystubs"],
        "examples/orders/main.go": ["go", "run", "./examples/orders"],
    },
    "java": {
        f"{JAVA_SOURCES}/OrdersByStubs.java": [*JAVA, "dev.sessiond.examples.OrdersByStubs"],
        f"{JAVA_SOURCES}/Orders.java": [*JAVA, "dev.sessiond.examples.Orders"],
    },
    "python": {
        "examples/orders_by_stubs.py": [sys.executable, "examples/orders_by_stubs.py"],
        "examples/orders.py": [sys.executable, "examples/orders.py"],
    },
    "typescript": {
        "examples/orders-by-stubs.ts": ["node", "build/examples/orders-by-stubs.js"],
        "examples/orders.ts": ["node", "build/examples/orders.js"],
    },
}


def main() -> int:
    """1 where an answer is not what it should be."""
    language = sys.argv[1]
    faults = [fault for source in PROGRAMS[language] for fault in faults_of(language, source)]
    print("\n".join(faults) or f"{language}: backends with the client and by stubs answer alike")
    return bool(faults)


def faults_of(language: str, source: str) -> Iterator[str]:
    """The answers of one program that are not what they should be."""
    with FakeSessiond() as fake, served(language, source, fake.target) as port:
        good = fake.login("alice", scopes=["orders:read"]).access_token
        weak = fake.login("alice").access_token
        ended = fake.login("alice", scopes=["orders:read"]).access_token
        fake.revoke(ended)
        warm_up(port, good)
        expected = [
            (f"Bearer {good}", 200, []),
            (f"bearer  {good}", 200, []),
            (None, 401, ['Bearer scope="orders:read"']),
            ("Bearer a, b", 400, ['Bearer error="invalid_request"']),
            (f"Bearer {weak}", 403, ['error="insufficient_scope"', 'scope="orders:read"']),
            (f"Bearer {ended}", 401, ['error="invalid_token"']),
        ]
        for authorization, status, challenges in expected:
            yield from compare(source, port, authorization, status, challenges)
        with fake.away():
            yield from compare(source, port, "Bearer unknown", 503, [])


def warm_up(port: int, token: str) -> None:
    """Ask until there is a verdict: the first call of a cold process may take longer than it has."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while ask(port, f"Bearer {token}")[0] == HTTPStatus.SERVICE_UNAVAILABLE and time.monotonic() < give_up:
        time.sleep(0.05)


def compare(
    source: str, port: int, authorization: str | None, status: int, challenges: Sequence[str]
) -> Iterator[str]:
    """What is wrong with the answer to one request."""
    found, body, told = ask(port, authorization)
    scheme = (authorization or "no token")[:7]
    if found != status:
        yield f"{source}: {scheme}: expected {status}, found {found}"
    elif status == HTTPStatus.OK and body != "orders of alice":
        yield f"{source}: {scheme}: found {body!r}"
    elif status != HTTPStatus.OK and told["Cache-Control"] != "no-store":
        yield f"{source}: {status}: the answer may be kept"
    elif (status == HTTPStatus.SERVICE_UNAVAILABLE) != (told["Retry-After"] == "1"):
        yield f"{source}: {status}: found Retry-After {told['Retry-After']}"
    missing = [part for part in challenges if part not in told["WWW-Authenticate"]]
    if missing:
        yield f"{source}: {status}: the challenge does not say {', '.join(missing)}"


def ask(port: int, authorization: str | None) -> tuple[int, str, Mapping[str, str]]:
    """The status of an answer, its text, and what its headers tell."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    headers = {} if authorization is None else {"Authorization": authorization}
    connection.request("GET", "/orders", headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode().strip()
    connection.close()
    return answer.status, body, {name: answer.headers.get(name, "") for name in TOLD}


@contextmanager
def served(language: str, source: str, target: str) -> Iterator[int]:
    """Run a program for as long as the context lasts; its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    where = f"127.0.0.1:{port}" if language == "go" else str(port)
    process = subprocess.Popen(
        [*PROGRAMS[language][source], target, where],
        cwd=CLIENTS / language,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until_it_listens(port, process)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # `go run` hands it on to nobody
        process.wait()


def wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when the program listens; raises where it has ended, or does not in time."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{process.args!r} does not listen")


if __name__ == "__main__":
    sys.exit(main())
