"""What bad requests get: one named reason that names the field.

It never repeats what was in the field where that may be a secret.
"""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from sessiond import AsyncClient
from sessiond.v1 import session_pb2
from sessiond.v1.session_pb2 import DpopProof, PossessionProof, Requirements
from sessiond.v1.session_service_pb2 import (
    CreateSessionRequest,
    GetSessionRequest,
    ListSessionsRequest,
    LocalLogin,
    ProviderTokens,
    RefreshSessionRequest,
    RevokeSessionRequest,
    Subject,
    ValidateTokenRequest,
    ValidateTokensRequest,
)
from tests.support.schema import marked
from tests.support.server import ISSUER

URL = "https://api.example/orders"

SERVICE = "/sessiond.v1.SessionService"
SECRET = "sdr1_telling-secret.telling-payload.telling-signature" * 4
INVALID, UNSUPPORTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED
SUBJECT = Subject(issuer=ISSUER, subject="alice")
RESERVED = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "sct", "client_id", "scope", "cnf", "act")
RESERVED += ("auth_time", "acr", "amr", "tenant_id")
OURS = "sds_" + 22 * "A"


def login(**fields: Any) -> CreateSessionRequest:
    return CreateSessionRequest(local_login=LocalLogin(**{"subject": "alice"} | fields))


def validate(**fields: Any) -> ValidateTokenRequest:
    return ValidateTokenRequest(token="a.b.c", **fields)


def demand(**requirements: Any) -> ValidateTokenRequest:
    return validate(requirements=Requirements(**requirements))


def revoke(**fields: Any) -> RevokeSessionRequest:
    return RevokeSessionRequest(**fields)


class Refusal:
    """A status, and its details taken apart."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code, self.message = error.code(), error.details()
        trailers = dict(error.trailing_metadata() or ())
        self.raw = repr(error) + repr(trailers)
        status = Status.FromString(trailers["grpc-status-details-bin"])
        assert (status.code, status.message) == (self.code.value[0], self.message)
        (self.info,) = (
            unpacked(detail, ErrorInfo) for detail in status.details if detail.Is(ErrorInfo.DESCRIPTOR)
        )
        self.retries = [
            unpacked(detail, RetryInfo) for detail in status.details if detail.Is(RetryInfo.DESCRIPTOR)
        ]
        assert self.info.domain == "sessiond"


def unpacked(detail: Any, message_type: type[Any]) -> Any:
    message = message_type()
    detail.Unpack(message)
    return message


async def refusal(channel: grpc.aio.Channel, method: str, request: Any) -> Refusal:
    raw = request if isinstance(request, bytes) else request.SerializeToString()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary(f"{SERVICE}/{method}")(raw)
    return Refusal(raised.value)


FIELDS = [
    ("ValidateToken", demand(issuers=["i"] * 65), "requirements.issuers", "65 items"),
    ("ValidateToken", validate(proof=PossessionProof()), "proof", "nothing"),
    (
        "ValidateToken",
        validate(proof=PossessionProof(certificate_sha256=b"x" * 31)),
        "proof.certificate_sha256",
        "31 bytes",
    ),
    (
        "ValidateToken",
        validate(proof=PossessionProof(dpop=DpopProof(method="GET", url=URL))),
        "proof.dpop.proof",
        "0 bytes",
    ),
    (
        "ValidateToken",
        validate(proof=PossessionProof(dpop=DpopProof(proof="p" * 4097))),
        "proof.dpop.proof",
        "4097 bytes",
    ),
    (
        "ValidateToken",
        validate(proof=PossessionProof(dpop=DpopProof(proof="p", url=URL))),
        "proof.dpop.method",
        "nothing",
    ),
    (
        "ValidateToken",
        validate(proof=PossessionProof(dpop=DpopProof(proof="p", method="GET", url="/a"))),
        "proof.dpop.url",
        '"/a"',
    ),
    (
        "ValidateToken",
        validate(proof=PossessionProof(dpop=DpopProof(proof="p", method="GET", url=URL + "?q"))),
        "proof.dpop.url",
        f'"{URL}?q"',
    ),
    (
        "CreateSession",
        CreateSessionRequest(local_login=LocalLogin(subject="a"), proof=PossessionProof()),
        "proof",
        "nothing",
    ),
    (
        "RefreshSession",
        RefreshSessionRequest(refresh_token="x", proof=PossessionProof(certificate_sha256=b"x")),
        "proof.certificate_sha256",
        "1 bytes",
    ),
    ("ValidateToken", demand(audiences=["a"] * 65), "requirements.audiences", "65 items"),
    ("ValidateToken", demand(audiences=["a", ""]), "requirements.audiences[1]", "nothing"),
    ("ValidateToken", demand(scopes=["s"] * 65), "requirements.scopes", "65 items"),
    ("ValidateToken", demand(scopes=['a"b']), "requirements.scopes[0]", '"a\\"b"'),
    ("ValidateToken", demand(scopes=["a b"]), "requirements.scopes[0]", '"a b"'),
    (
        "ValidateToken",
        demand(permissions=["p" * 256]),
        "requirements.permissions[0]",
        "256 characters",
    ),
    (
        "ValidateToken",
        demand(claims={"c": session_pb2.ClaimValues()}),
        'requirements.claims["c"].values',
        "no value",
    ),
    (
        "ValidateToken",
        demand(claims={str(n): session_pb2.ClaimValues(values=["v"]) for n in range(65)}),
        "requirements.claims",
        "65 claims",
    ),
    ("ValidateToken", demand(acr_values=["a"] * 65), "requirements.acr_values", "65 items"),
    ("ValidateToken", demand(acr_values=["a b"]), "requirements.acr_values[0]", '"a b"'),
    (
        "ValidateToken",
        demand(max_auth_age=Duration(seconds=-1)),
        "requirements.max_auth_age",
        "-1 s and 0 ns",
    ),
    ("ValidateToken", demand(max_auth_age=Duration(nanos=-1)), "requirements.max_auth_age", "0 s and -1 ns"),
    ("ValidateTokens", ValidateTokensRequest(), "tokens", "0 tokens"),
    ("ValidateTokens", ValidateTokensRequest(tokens=[""] * 1001), "tokens", "1001 tokens"),
    ("ValidateTokens", ValidateTokensRequest(tokens=["a" * 1048577]), "tokens", "1048577 bytes"),
    (
        "ValidateTokens",
        ValidateTokensRequest(tokens=["a"], requirements=Requirements(scopes=["a b"])),
        "requirements.scopes[0]",
        '"a b"',
    ),
    ("CreateSession", CreateSessionRequest(), "source", "nothing"),
    ("CreateSession", login(subject=""), "local_login.subject", "nothing"),
    ("CreateSession", login(subject="a" * 256), "local_login.subject", "256 characters"),
    ("CreateSession", login(subject="a\nb"), "local_login.subject", "a control character"),
    ("CreateSession", login(client_id="a" * 256), "local_login.client_id", "256 characters"),
    ("CreateSession", login(tenant_id="a\x7f"), "local_login.tenant_id", "a control character"),
    ("CreateSession", login(audiences=["someone-else"]), "local_login.audiences", '"someone-else"'),
    ("CreateSession", login(scopes=["a b"]), "local_login.scopes[0]", '"a b"'),
    ("CreateSession", login(claims_json="{"), "local_login.claims_json", "1 characters that are not one"),
    (
        "CreateSession",
        login(claims_json='{"a": 1, "a": 2}'),
        "local_login.claims_json",
        "16 characters that are not one",
    ),
    ("CreateSession", login(claims_json="[]"), "local_login.claims_json", "2 characters that are not one"),
    (
        "CreateSession",
        login(claims_json='{"a": "' + "x" * 4096 + '"}'),
        "local_login.claims_json",
        "4105 bytes",
    ),
    *(
        ("CreateSession", login(claims_json=f'{{"{name}": "x"}}'), "local_login.claims_json", name)
        for name in [
            "iss",
            "sub",
            "aud",
            "exp",
            "nbf",
            "iat",
            "jti",
            "sid",
            "sct",
            "client_id",
            "scope",
            "cnf",
            "act",
            "auth_time",
            "acr",
            "amr",
            "tenant_id",
        ]
    ),
    ("CreateSession", login(claims_json='{"roles": "clerk"}'), "local_login.claims_json", None),
    (
        "CreateSession",
        login(auth_time=Timestamp(seconds=4_000_000_000)),
        "local_login.auth_time",
        "a time in the future",
    ),
    (
        "CreateSession",
        login(auth_time=Timestamp(seconds=-5)),
        "local_login.auth_time",
        "a time before 1970",
    ),
    ("CreateSession", login(scopes=[f"{n:0250}" for n in range(64)]), "local_login", None),
    *(
        (
            "CreateSession",
            CreateSessionRequest(
                provider_tokens=ProviderTokens(
                    issuer="https://issuer.example", access_token="a", refresh_token=ours
                )
            ),
            "provider_tokens.refresh_token",
            "a refresh token of sessiond's own",
        )
        for ours in ("sdr1_" + "A" * 96, "sdr1_")
    ),
    (
        "CreateSession",
        CreateSessionRequest(
            local_login=LocalLogin(subject="a"), device=session_pb2.Device(user_agent="u" * 257)
        ),
        "device.user_agent",
        "257 bytes",
    ),
    (
        "CreateSession",
        CreateSessionRequest(local_login=LocalLogin(subject="a"), attributes={str(n): "" for n in range(17)}),
        "attributes",
        "17 attributes",
    ),
    (
        "CreateSession",
        CreateSessionRequest(local_login=LocalLogin(subject="a"), attributes={"n": "v" * 257}),
        'attributes["n"]',
        "257 bytes",
    ),
    (
        "CreateSession",
        CreateSessionRequest(local_login=LocalLogin(subject="a"), attributes={"n" * 65: ""}),
        "attributes name",
        "65 bytes",
    ),
    ("RefreshSession", RefreshSessionRequest(), "refresh_token", "nothing"),
    (
        "RefreshSession",
        RefreshSessionRequest(refresh_token="x", device=session_pb2.Device(label="d\n")),
        "device.label",
        "a control character",
    ),
    ("RevokeSession", revoke(), "target", "nothing"),
    ("RevokeSession", revoke(session_id="ses_1"), "session_id", "5 characters that are not a session id"),
    (
        "RevokeSession",
        revoke(session_id="sds_" + 22 * "B"),
        "session_id",
        "26 characters that are not a session id",
    ),
    (
        "RevokeSession",
        revoke(session_id=OURS, except_session_id=OURS),
        "except_session_id",
        "a target other than subject",
    ),
    (
        "RevokeSession",
        revoke(subject=SUBJECT, except_session_id=OURS),
        "except_session_id",
        "a session that is not",
    ),
    ("RevokeSession", revoke(subject=SUBJECT, except_session_id="mine"), "except_session_id", None),
    ("RevokeSession", revoke(session_id=OURS, note="n" * 257), "note", "257 bytes"),
    ("RevokeSession", revoke(session_id=OURS, cause=5), "cause", "5"),
    ("RevokeSession", revoke(session_id=OURS, cause=-1), "cause", "-1"),
    ("RevokeSession", revoke(subject=Subject(subject="a")), "subject.issuer", "nothing"),
    ("RevokeSession", revoke(subject=Subject(issuer="i")), "subject.subject", "nothing"),
    ("RevokeSession", revoke(subject=Subject(issuer="i", subject="a")), "subject.issuer", '"i"'),
    ("RevokeSession", revoke(issuer=""), "issuer", "nothing"),
    ("RevokeSession", revoke(issuer="i"), "issuer", '"i"'),
    *(
        ("RevokeSession", revoke(**{target: {"issuer": issuer, name: value}}), f"{target}.{field}", found)
        for target, name in (
            ("provider_session", "session_id"),
            ("tenant", "tenant_id"),
            ("client", "client_id"),
            ("key", "key_id"),
        )
        for issuer, value, field, found in (
            ("", "v", "issuer", "nothing"),
            ("i", "v", "issuer", '"i"'),
            ("i", "", name, None),
            ("i", 257 * "v", name, "257 characters"),
            ("i", "v\n", name, None),
        )
    ),
    ("RevokeSession", revoke(key={"issuer": "i", "key_id": "ü"}), "key.key_id", None),
    (
        "RevokeSession",
        revoke(issuer="i", except_session_id=OURS),
        "except_session_id",
        "a target other than subject",
    ),
    ("GetSession", GetSessionRequest(), "session_id", "0 characters that are not a session id"),
    ("ListSessions", ListSessionsRequest(), "subject.issuer", "nothing"),
    ("ListSessions", ListSessionsRequest(subject=SUBJECT, page_size=101), "page_size", "101"),
    ("ListSessions", ListSessionsRequest(subject=SUBJECT, page_size=-1), "page_size", "-1"),
    ("ListSessions", ListSessionsRequest(subject=SUBJECT, page_token="?"), "page_token", "1 characters"),
    ("ListSessions", ListSessionsRequest(subject=SUBJECT, page_token="é"), "page_token", "1 characters"),
    ("ListSessions", ListSessionsRequest(subject=SUBJECT, page_token="AAAA"), "page_token", "4 characters"),
    (
        "ListSessions",
        ListSessionsRequest(subject=SUBJECT, page_token=32 * "_"),
        "page_token",
        "32 characters",
    ),
]


@pytest.mark.parametrize(("method", "request_", "field", "found"), FIELDS)
async def test_a_field_that_is_wrong_is_named(
    channel: grpc.aio.Channel, method: str, request_: Any, field: str, found: str | None
) -> None:
    refused = await refusal(channel, method, request_)
    assert (refused.code, refused.info.reason) == (INVALID, "FIELD_INVALID")
    metadata = dict(refused.info.metadata)
    assert metadata.keys() == {"field", "found", "allowed"}
    assert metadata["field"] == field
    assert found is None or metadata["found"] == found
    assert refused.message == f"{field}: found {metadata['found']}, allowed is {metadata['allowed']}"


UNKNOWN = b"\xf8\x06\x01"  # field 111, a varint
FEATURES = [
    ("ValidateToken", validate().SerializeToString() + UNKNOWN, "field number 111"),
    (
        "ValidateToken",
        demand(claims={"c": session_pb2.ClaimValues.FromString(b"\x0a\x01v" + UNKNOWN)}),
        "requirements.claims.field number 111",
    ),
    ("ValidateToken", 4000 * UNKNOWN, "unknown field"),
    ("CreateSession", b"\x1a\x06\x0a\x01a" + UNKNOWN, "local_login.field number 111"),
    ("RevokeSession", revoke(session_id=OURS, logout=True), "logout"),
    ("GetSession", GetSessionRequest(session_id=OURS).SerializeToString() + UNKNOWN, "field number 111"),
]


@pytest.mark.parametrize(("method", "request_", "field"), FEATURES)
async def test_what_is_not_carried_out_is_named(
    channel: grpc.aio.Channel, method: str, request_: Any, field: str
) -> None:
    refused = await refusal(channel, method, request_)
    assert (refused.code, refused.info.reason) == (UNSUPPORTED, "FEATURE_UNSUPPORTED")
    assert dict(refused.info.metadata) == {"field": field}


def test_every_mark_of_the_schema_is_tried() -> None:
    """What the schema marks as not carried out is refused above."""
    tried = {
        field.capitalize() if "." in field else f"{method}Request.{field}"
        for method, _, field in FEATURES
        if "field number" not in field and "unknown" not in field
    }
    assert marked("UNIMPLEMENTED") == tried


@pytest.mark.parametrize(
    "method",
    ["ValidateToken", "CreateSession", "RefreshSession", "RevokeSession", "GetSession", "ListSessions"],
)
@pytest.mark.parametrize(
    "raw",
    [b"\xff", b"\x0a\x80", b"\x0a\xff" + SECRET.encode(), b"\x0a\x02\xc3\x28", b"\x00" * 100],
    ids=["no field", "cut", "too long", "not UTF-8", "zeros"],
)
async def test_a_message_that_is_none(channel: grpc.aio.Channel, method: str, raw: bytes) -> None:
    refused = await refusal(channel, method, raw)
    assert (refused.code, refused.info.reason) == (INVALID, "MESSAGE_MALFORMED")
    assert refused.message == "the request is not a message of this method's type"
    assert not refused.info.metadata


@pytest.mark.parametrize(
    "token", ["x", "sdr1_", "sdr1_" + 96 * "A", "sdr1_" + 95 * "A", SECRET, "a.b.c", "\x00", "🦊"]
)
async def test_a_refresh_token_that_is_none(channel: grpc.aio.Channel, token: str) -> None:
    refused = await refusal(channel, "RefreshSession", RefreshSessionRequest(refresh_token=token))
    assert (refused.code, refused.info.reason) == (grpc.StatusCode.UNAUTHENTICATED, "REFRESH_TOKEN_INVALID")
    assert not refused.retries


async def test_every_flipped_character_of_a_refresh_token_is_noticed(
    client: AsyncClient, channel: grpc.aio.Channel
) -> None:
    token = (await client.create_local_session("flipped")).refresh_token
    for at in range(5, len(token), 7):
        flipped = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        refused = await refusal(channel, "RefreshSession", RefreshSessionRequest(refresh_token=flipped))
        assert refused.info.reason == "REFRESH_TOKEN_INVALID"
    assert (await client.refresh(token)).replayed is False


async def test_an_unknown_session_is_not_found(channel: grpc.aio.Channel) -> None:
    refused = await refusal(channel, "GetSession", GetSessionRequest(session_id=OURS))
    assert (refused.code, refused.info.reason) == (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")


async def test_an_unknown_method(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await channel.unary_unary(f"{SERVICE}/Nothing")(b"")
    assert raised.value.code() is UNSUPPORTED


MISPLACED = [
    ("ValidateToken", demand(issuers=[SECRET])),
    ("ValidateToken", demand(scopes=[SECRET + '"'])),
    ("ValidateToken", demand(claims={SECRET * 2: session_pb2.ClaimValues(values=["v"])})),
    ("CreateSession", login(audiences=[SECRET])),
    ("CreateSession", login(subject=SECRET + "\n")),
    ("CreateSession", login(claims_json=SECRET)),
    ("CreateSession", CreateSessionRequest(local_login=LocalLogin(subject="a"), attributes={SECRET: ""})),
    (
        "CreateSession",
        CreateSessionRequest(local_login=LocalLogin(subject="a"), attributes={"n": SECRET + "\n"}),
    ),
    ("RefreshSession", RefreshSessionRequest(refresh_token=SECRET)),
    ("RevokeSession", revoke(session_id=SECRET)),
    ("RevokeSession", revoke(subject=Subject(issuer=SECRET, subject="a"))),
    ("GetSession", GetSessionRequest(session_id=SECRET)),
    ("ListSessions", ListSessionsRequest(subject=Subject(issuer=SECRET, subject="a"))),
    ("ListSessions", ListSessionsRequest(subject=SUBJECT, page_token=SECRET)),
]


@pytest.mark.parametrize(("method", "request_"), MISPLACED)
async def test_a_token_in_the_wrong_field_is_not_repeated(
    channel: grpc.aio.Channel, method: str, request_: Any
) -> None:
    try:
        refused = await refusal(channel, method, request_)
    except pytest.fail.Exception:
        assert method == "ValidateToken"  # an issuer that nobody has is a verdict
        return
    assert "telling" not in refused.raw
