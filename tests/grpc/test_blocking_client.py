"""The blocking client, from threads, against the same server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from inspect import getmembers, iscoroutinefunction, isfunction, signature
from typing import TYPE_CHECKING

import pytest

from sessiond import (
    AsyncClient,
    Client,
    Device,
    NotFoundError,
    Reason,
    RefreshRefusedError,
    Rejection,
    Session,
    UnavailableError,
)
from tests.support.server import ISSUER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server import Server


@pytest.fixture
def blocking(server: Server) -> Iterator[Client]:
    with Client(server.grpc, key=server.key, timeout=5) as client:
        yield client


def test_the_main_job(blocking: Client) -> None:
    device = Device(label="phone")
    first = blocking.create_local_session("blocked", scopes=["a"], device=device, attributes={"shop": "7"})
    session = blocking.validate(first.access_token, scopes=["a"])
    assert isinstance(session, Session)
    second = blocking.refresh(first.refresh_token, device=device)
    assert blocking.get_session(session.session_id).device == device
    assert session.session_id in {
        record.session.session_id for record in blocking.list_sessions(ISSUER, "blocked", page_size=1)
    }
    assert blocking.revoke_session(session.session_id).sessions_ended == 1
    verdicts = blocking.validate_all([first.access_token, second.access_token, "garbage"])
    assert [verdict.reason for verdict in verdicts if isinstance(verdict, Rejection)] == [
        Reason.REVOKED,
        Reason.REVOKED,
        Reason.MALFORMED,
    ]
    with pytest.raises(RefreshRefusedError) as refused:
        blocking.refresh(second.refresh_token)
    assert refused.value.reason == "SESSION_REVOKED"
    with pytest.raises(NotFoundError):
        blocking.get_session(session.session_id)


def test_threads_share_a_client(blocking: Client) -> None:
    token = blocking.create_local_session("shared").access_token
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(blocking.validate, [token] * 100))
    assert all(isinstance(verdict, Session) for verdict in verdicts)


def test_nobody_there_is_unavailable() -> None:
    with Client("127.0.0.1:9", timeout=2) as client, pytest.raises(UnavailableError):
        client.refresh("r")


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        public = ((name, method) for name, method in getmembers(kind, isfunction) if not name.startswith("_"))
        return {name: list(signature(method).parameters) for name, method in public}

    assert methods(Client) == methods(AsyncClient)
    single = methods(Client).keys() - {"list_sessions", "watch_revocations"}
    assert all(iscoroutinefunction(getattr(AsyncClient, name)) for name in single)
