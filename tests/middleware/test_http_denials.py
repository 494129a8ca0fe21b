import logging
from datetime import timedelta
from typing import Any

import grpc
import pytest

from sessiond import (
    InternalError,
    InvalidArgumentError,
    NextAction,
    PermissionDeniedError,
    Reason,
    Rejection,
    SessiondError,
    UnavailableError,
    UnsupportedError,
)
from sessiond.errors import Details
from sessiond.middleware.denials import Kind
from sessiond.middleware.http import STATUSES, Answer
from tests.support.middleware.validators import Scripted

BEARER = [("Authorization", "Bearer a.b.c")]
Code = grpc.StatusCode
SCOPES = 'Bearer scope="orders:read orders:write"'
INVALID_TOKEN = 'Bearer error="invalid_token"'
INVALID_REQUEST = 'Bearer error="invalid_request"'
STEP_UP = 'Bearer error="insufficient_user_authentication", acr_values="phr", max_age="60"'


def unavailable(seconds: Any, code: Any = Code.UNAVAILABLE) -> Any:
    after = None if seconds is None else timedelta(seconds=seconds)
    return UnavailableError(code, "-", Details("STORE_UNAVAILABLE", {}, after))


def rejection(reason: Any, action: Any, challenge: Any) -> Any:
    return Rejection(reason, "-", action, challenge)


def failed(kind: Any, code: Any, **metadata: Any) -> Any:
    return kind(code, "-", Details("FIELD_INVALID", metadata))


ROWS = {
    "no token": ([], None, 401, [SCOPES], "", '{"error":"NO_CREDENTIALS","next_action":"REAUTHENTICATE"}\n'),
    "another scheme": (
        [("Authorization", "Basic dTpw")],
        None,
        401,
        [SCOPES],
        "",
        '{"error":"NO_CREDENTIALS","next_action":"REAUTHENTICATE"}\n',
    ),
    "two headers": (
        [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
        None,
        400,
        [INVALID_REQUEST],
        "",
        '{"error":"INVALID_REQUEST"}\n',
    ),
    "two headers, one of another scheme": (
        [("Authorization", "Basic dTpw"), ("Authorization", "Bearer b")],
        None,
        400,
        [INVALID_REQUEST],
        "",
        '{"error":"INVALID_REQUEST"}\n',
    ),
    "SCOPE_INSUFFICIENT": (
        BEARER,
        rejection(Reason.SCOPE_INSUFFICIENT, NextAction.DENY, "Bearer x"),
        403,
        ["Bearer x"],
        "",
        '{"error":"SCOPE_INSUFFICIENT","next_action":"DENY"}\n',
    ),
    "STEP_UP_REQUIRED": (
        BEARER,
        rejection(Reason.STEP_UP_REQUIRED, NextAction.STEP_UP, STEP_UP),
        401,
        [STEP_UP],
        "",
        '{"error":"STEP_UP_REQUIRED","next_action":"STEP_UP"}\n',
    ),
    "BINDING_MISMATCH": (
        BEARER,
        rejection(Reason.BINDING_MISMATCH, NextAction.DENY, "DPoP x"),
        401,
        ["DPoP x"],
        "",
        '{"error":"BINDING_MISMATCH","next_action":"DENY"}\n',
    ),
    "EXPIRED": (
        BEARER,
        rejection(Reason.EXPIRED, NextAction.REFRESH, "Bearer y"),
        401,
        ["Bearer y"],
        "",
        '{"error":"EXPIRED","next_action":"REFRESH"}\n',
    ),
    "a rejection without a challenge": (
        BEARER,
        rejection(Reason.UNSPECIFIED, NextAction.UNSPECIFIED, ""),
        401,
        [INVALID_TOKEN],
        "",
        '{"error":"UNSPECIFIED","next_action":"UNSPECIFIED"}\n',
    ),
    "a proof that a server refuses to read": (
        BEARER,
        failed(InvalidArgumentError, Code.INVALID_ARGUMENT, field="proof.dpop.proof"),
        400,
        [INVALID_REQUEST],
        "",
        '{"error":"INVALID_REQUEST"}\n',
    ),
    "unavailable": (BEARER, unavailable(2.5), 503, [], "3", '{"error":"UNAVAILABLE"}\n'),
    "unavailable for half a second": (BEARER, unavailable(0.5), 503, [], "1", '{"error":"UNAVAILABLE"}\n'),
    "nobody says for how long": (BEARER, unavailable(None), 503, [], "1", '{"error":"UNAVAILABLE"}\n'),
    "the time is over": (
        BEARER,
        unavailable(None, Code.DEADLINE_EXCEEDED),
        503,
        [],
        "1",
        '{"error":"UNAVAILABLE"}\n',
    ),
    "the client is closed": (
        BEARER,
        SessiondError(Code.CANCELLED, "-", Details()),
        503,
        [],
        "1",
        '{"error":"UNAVAILABLE"}\n',
    ),
    "PERMISSION_DENIED": (
        BEARER,
        failed(PermissionDeniedError, Code.PERMISSION_DENIED),
        500,
        [],
        "",
        '{"error":"INTERNAL"}\n',
    ),
    "INVALID_ARGUMENT": (
        BEARER,
        failed(InvalidArgumentError, Code.INVALID_ARGUMENT, field="requirements.scopes[0]"),
        500,
        [],
        "",
        '{"error":"INTERNAL"}\n',
    ),
    "UNIMPLEMENTED": (
        BEARER,
        failed(UnsupportedError, Code.UNIMPLEMENTED),
        500,
        [],
        "",
        '{"error":"INTERNAL"}\n',
    ),
    "INTERNAL": (BEARER, failed(InternalError, Code.INTERNAL), 500, [], "", '{"error":"INTERNAL"}\n'),
    "UNAUTHENTICATED of a proxy": (
        BEARER,
        failed(SessiondError, Code.UNAUTHENTICATED),
        500,
        [],
        "",
        '{"error":"INTERNAL"}\n',
    ),
    "an error of nobody's": (BEARER, RuntimeError("a.b.c"), 500, [], "", '{"error":"INTERNAL"}\n'),
    "neither a session nor a rejection": (BEARER, "yes", 500, [], "", '{"error":"INTERNAL"}\n'),
}


@pytest.mark.parametrize("name", ROWS)
async def test_each_denial_has_its_row_and_reaches_no_handler(backend: Any, name: Any, caplog: Any) -> None:
    headers, gives, status, challenges, retry_after, body = ROWS[name]
    asked = Scripted(gives)
    answer = await backend(asked)(headers)
    assert (answer.status, answer.body.decode()) == (status, body)
    assert ", ".join(answer.values("www-authenticate")) == ", ".join(challenges)
    assert answer.values("retry-after") == ([retry_after] if retry_after else [])
    assert answer.values("cache-control") == ["no-store"]
    assert answer.values("content-type") == ["application/json"]
    assert answer.values("content-length") == [str(len(body))]
    assert "handler" not in asked.tokens
    is_logged = "this service's own configuration" in caplog.text
    assert is_logged == (status == 500)
    assert "a.b.c" not in caplog.text


def test_each_kind_of_denial_is_a_failure() -> None:
    assert {kind: STATUSES[kind] >= 400 for kind in Kind} == dict.fromkeys(Kind, True)


async def test_an_answer_may_have_a_form_of_ones_own_and_keeps_the_headers(backend: Any) -> None:
    def render(_: Any, denied: Any) -> Any:
        told = f"{denied.reason} {denied.next_action} {denied.status} {type(denied.why).__name__}"
        return Answer(303, told.encode(), [("Location", "/login"), ("Content-Length", "0")])

    asked = Scripted(rejection(Reason.EXPIRED, NextAction.REFRESH, "Bearer y"))
    answer = await backend(asked, render=render)(BEARER)
    assert (answer.status, answer.body) == (303, b"EXPIRED REFRESH 401 Rejection")
    assert answer.values("location") == ["/login"]
    assert answer.values("content-length") == [str(len(answer.body))]
    assert answer.values("cache-control") == ["no-store"]


async def test_what_only_the_operator_can_mend_is_told_to_a_logger_of_ones_own(
    backend: Any, caplog: Any
) -> None:
    logger = logging.getLogger("of-the-backend")
    asked = Scripted(failed(PermissionDeniedError, Code.PERMISSION_DENIED))
    await backend(asked, logger=logger)(BEARER)
    (record,) = [one for one in caplog.records if one.name == "of-the-backend"]
    assert "PERMISSION_DENIED FIELD_INVALID: -" in record.getMessage()
