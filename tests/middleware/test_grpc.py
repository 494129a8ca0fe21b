import hashlib
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from sessiond import (
    FULLY_CONSISTENT,
    DpopProof,
    InternalError,
    InvalidArgumentError,
    NextAction,
    PermissionDeniedError,
    Reason,
    Rejection,
    UnavailableError,
    UnsupportedError,
)
from sessiond.errors import Details, read_details
from sessiond.grpc import PUBLIC, AsyncSessionInterceptor, SessionInterceptor, require
from sessiond.middleware.denials import Kind
from sessiond.middleware.methods import STATUSES
from tests.support.middleware import shop as shops
from tests.support.middleware.shop import SERVICE, SHAPES, Shop, call, method
from tests.support.middleware.validators import Scripted, session

Code = grpc.StatusCode
BEARER = (("authorization", "Bearer a.b.c"),)
ALL = {f"/{SERVICE}/*": require(scopes=["orders:read"])}
STEP_UP = 'Bearer error="insufficient_user_authentication", acr_values="phr"'


@pytest.fixture(params=["threads", "asyncio"])
def serving(request: Any) -> Any:
    """Serves a shop behind an interceptor on threads, or on asyncio."""

    @asynccontextmanager
    async def serve(shop: Any, asked: Any, methods: Any = ALL, **options: Any) -> Any:
        if request.param == "threads":
            with shops.on_threads(shop, SessionInterceptor(asked, methods, **options)) as target:
                yield target
        else:
            interceptor = AsyncSessionInterceptor(asked.on_asyncio(), methods, **options)
            async with shops.on_asyncio(shop, interceptor) as target:
                yield target

    return serve


async def refused(target: Any, name: Any, metadata: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        await call(target, name, metadata)
    return caught.value


def challenges(error: Any) -> Any:
    return [value for name, value in error.trailing_metadata() if name == "www-authenticate"]


async def test_calls_of_all_shapes_get_through_with_their_sessions(serving: Any) -> None:
    asked, shop = Scripted(), Shop()
    methods = {f"/{SERVICE}/*": require(scopes=["orders:read"], consistency=FULLY_CONSISTENT)}
    async with serving(shop, asked, methods) as target:
        for shape in SHAPES:
            answers = await call(target, method(shape), (("authorization", "bearer a.b.c"),))
            assert answers == [b"for alice"] * (2 if shape.endswith("stream") else 1)
    assert asked.tokens == ["a.b.c"] * 4
    assert asked.policies[0].scopes == ("orders:read",)
    assert asked.options == [{"consistency": FULLY_CONSISTENT}] * 4
    assert shop.entered == list(SHAPES)


def rejection(reason: Any, challenge: Any) -> Any:
    return Rejection(reason, "-", NextAction.DENY, challenge)


def failed(kind: Any, code: Any) -> Any:
    return kind(code, "secret", Details("X"))


ROWS = [
    ((), None, Code.UNAUTHENTICATED, ['Bearer scope="orders:read"']),
    ((("authorization", "Basic dTpw"),), None, Code.UNAUTHENTICATED, ['Bearer scope="orders:read"']),
    ((*BEARER, *BEARER), None, Code.UNAUTHENTICATED, ['Bearer error="invalid_request"']),
    ((("authorization", "Bearer a, b"),), None, Code.UNAUTHENTICATED, ['Bearer error="invalid_request"']),
    (BEARER, rejection(Reason.SCOPE_INSUFFICIENT, "Bearer x"), Code.PERMISSION_DENIED, ["Bearer x"]),
    (BEARER, rejection(Reason.STEP_UP_REQUIRED, STEP_UP), Code.UNAUTHENTICATED, [STEP_UP]),
    (BEARER, rejection(Reason.BINDING_MISMATCH, "DPoP x"), Code.UNAUTHENTICATED, ["DPoP x"]),
    (BEARER, rejection(Reason.EXPIRED, "Bearer x"), Code.UNAUTHENTICATED, ["Bearer x"]),
    (BEARER, failed(UnavailableError, Code.UNAVAILABLE), Code.UNAVAILABLE, []),
    (BEARER, failed(PermissionDeniedError, Code.PERMISSION_DENIED), Code.INTERNAL, []),
    (BEARER, failed(InvalidArgumentError, Code.INVALID_ARGUMENT), Code.INTERNAL, []),
    (BEARER, failed(UnsupportedError, Code.UNIMPLEMENTED), Code.INTERNAL, []),
    (BEARER, failed(InternalError, Code.INTERNAL), Code.INTERNAL, []),
    (BEARER, RuntimeError("secret"), Code.INTERNAL, []),
    (BEARER, "yes", Code.INTERNAL, []),
]


async def test_each_denial_has_its_row_and_reaches_no_handler(serving: Any) -> None:
    asked, shop = Scripted(), Shop()
    async with serving(shop, asked) as target:
        for metadata, gives, code, told in ROWS:
            asked.gives = session() if gives is None else gives
            for shape in SHAPES:
                error = await refused(target, method(shape), metadata)
                assert (error.code(), challenges(error)) == (code, told)
                assert "secret" not in str(error)
    assert shop.entered == []


def test_each_kind_of_denial_is_a_failure() -> None:
    assert set(STATUSES) == set(Kind)
    assert Code.OK not in {code for code, _ in STATUSES.values()}


@pytest.mark.parametrize(("seconds", "told"), [(2.5, 2.5), (0.25, 1), (None, 1)])
async def test_who_has_to_wait_is_told_how_long(serving: Any, seconds: Any, told: Any) -> None:
    after = None if seconds is None else timedelta(seconds=seconds)
    asked = Scripted(UnavailableError(Code.UNAVAILABLE, "-", Details("X", {}, after)))
    async with serving(Shop(), asked) as target:
        error = await refused(target, method("unary_unary"), BEARER)
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    assert read_details(details).retry_after == timedelta(seconds=told)
    assert error.details() == "there is no verdict on the token for now: UNAVAILABLE"


async def test_what_nothing_is_said_about_is_denied(serving: Any, caplog: Any) -> None:
    shop = Shop()
    async with serving(shop, Scripted(), {method("unary_unary"): require()}) as target:
        for shape in SHAPES[1:]:
            assert (await refused(target, method(shape), BEARER)).code() is Code.PERMISSION_DENIED
    assert shop.entered == []
    assert method("unary_stream") in caplog.text
    async with serving(shop, Scripted(), {}, default=require()) as target:
        assert await call(target, method("unary_unary"), BEARER) == [b"for alice"]


async def test_health_and_what_is_public_need_no_token(serving: Any) -> None:
    asked = Scripted(rejection(Reason.EXPIRED, "Bearer"))
    methods = {f"/{SERVICE}/*": PUBLIC, method("unary_unary"): require()}
    async with serving(Shop(), asked, methods) as target:
        assert await call(target, method("stream_unary"), BEARER) == [b"for nobody"]
        assert (await refused(target, method("unary_unary"), ())).code() is Code.UNAUTHENTICATED
        async with grpc.aio.insecure_channel(target) as channel:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert asked.tokens == []
    async with (
        serving(Shop(), asked, {"/grpc.health.v1.Health/*": require()}) as target,
        grpc.aio.insecure_channel(target) as channel,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())


async def test_proofs_go_with_their_calls(serving: Any) -> None:
    asked = Scripted(session(claims_json='{"cnf": {"jkt": "thumbprint"}}'))
    metadata = (("authorization", "DPoP a.b.c"), ("dpop", "p.r.f"))
    async with serving(Shop(), asked, dpop_origin="https://api.example") as target:
        await call(target, method("unary_unary"), metadata)
        assert (await refused(target, method("unary_unary"), (*metadata, ("dpop", "q")))).code()
    async with serving(Shop(), asked, certificate=lambda context: b"der") as target:
        await call(target, method("unary_unary"), BEARER)
    assert asked.options == [
        {"dpop": DpopProof("p.r.f", "POST", f"https://api.example{method('unary_unary')}")},
        {"certificate_sha256": hashlib.sha256(b"der").digest()},
    ]


async def test_a_handler_for_threads_on_asyncio_is_denied_unless_it_is_public() -> None:
    shop = Shop()
    interceptor = AsyncSessionInterceptor(Scripted().on_asyncio(), {**ALL, method("unary_stream"): PUBLIC})
    async with shops.on_asyncio(shop, interceptor, shop.of_threads()) as target:
        assert (await refused(target, method("unary_unary"), BEARER)).code() is Code.INTERNAL
        assert await call(target, method("unary_stream"), ()) == [b"for nobody"] * 2
    assert shop.entered == ["unary_stream"]


@pytest.mark.parametrize("name", ["shop.v1/List", "/*", "/shop.v1.Orders", ""])
def test_what_is_no_name_of_a_method_is_a_value_error(name: Any) -> None:
    with pytest.raises(ValueError, match="allowed is /package"):
        SessionInterceptor(Scripted(), {name: require()})
