"""Rules by method, and how a denial is told over gRPC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import grpc

from sessiond.middleware.denials import Denial, Kind
from sessiond.middleware.rules import PUBLIC, Rule
from sessiond.middleware.status_details import TRAILER, with_retry_info

_NAME: Final = re.compile(r"/[^/*]+/(?:[^/*]+|\*)")
PUBLIC_BY_DEFAULT: Final = (
    "/grpc.health.v1.Health/*",
    "/grpc.reflection.v1.ServerReflection/*",
    "/grpc.reflection.v1alpha.ServerReflection/*",
)

# Code and text; the text is for people.
STATUSES: Final = {
    Kind.NO_CREDENTIALS: (grpc.StatusCode.UNAUTHENTICATED, "the call has no token"),
    Kind.INVALID_REQUEST: (
        grpc.StatusCode.UNAUTHENTICATED,
        "the call has several tokens, or none of a token's form",
    ),
    Kind.CROSS_SITE: (grpc.StatusCode.PERMISSION_DENIED, "another site caused the call"),
    Kind.NO_POLICY: (grpc.StatusCode.PERMISSION_DENIED, "nothing says who may call this method"),
    Kind.INSUFFICIENT: (grpc.StatusCode.PERMISSION_DENIED, "the token may not do this"),
    Kind.REJECTED: (grpc.StatusCode.UNAUTHENTICATED, "the token is not accepted"),
    Kind.UNAVAILABLE: (grpc.StatusCode.UNAVAILABLE, "there is no verdict on the token for now"),
    Kind.MISCONFIGURED: (grpc.StatusCode.INTERNAL, "the call could not be judged"),
}


class Methods:
    """Finds the rule of a method: by its full name, by its service, or that of all others."""

    def __init__(self, rules: Mapping[str, Rule], default: Rule) -> None:
        for name in rules:
            if not _NAME.fullmatch(name):
                allowed = "/package.Service/Method or /package.Service/*"
                raise ValueError(f"methods: found {name!r}, allowed is {allowed}")
        self._rules: Final = {**dict.fromkeys(PUBLIC_BY_DEFAULT, PUBLIC), **rules}
        self._default: Final = default

    def find(self, method: str) -> Rule:
        """What is required."""
        of_service = method[: method.rfind("/") + 1] + "*"
        return self._rules.get(method) or self._rules.get(of_service) or self._default


def to_status(denial: Denial) -> tuple[grpc.StatusCode, str, tuple[tuple[str, str | bytes], ...]]:
    """Code, text and trailers of a call that is denied."""
    code, text = STATUSES[denial.kind]
    message = f"{text}: {denial.reason}"
    trailers: list[tuple[str, str | bytes]] = [
        ("www-authenticate", challenge) for challenge in denial.challenges
    ]
    if denial.kind is Kind.UNAVAILABLE:
        trailers.append((TRAILER, with_retry_info(code, message, denial.retry_after)))
    return code, message, tuple(trailers)
