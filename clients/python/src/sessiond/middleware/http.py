"""How a denial is told over HTTP."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias, TypedDict, Unpack

from sessiond.middleware.credentials import Scheme
from sessiond.middleware.denials import Denial, Kind
from sessiond.middleware.gate import Gate, Question
from sessiond.middleware.request import Request
from sessiond.middleware.rules import Rule
from sessiond.policy import refuse_unknown
from sessiond.results import NextAction, Rejection

_LOGGER: Final = logging.getLogger("sessiond")

STATUSES: Final = {
    Kind.NO_CREDENTIALS: HTTPStatus.UNAUTHORIZED,
    Kind.INVALID_REQUEST: HTTPStatus.BAD_REQUEST,
    Kind.CROSS_SITE: HTTPStatus.FORBIDDEN,
    Kind.NO_POLICY: HTTPStatus.FORBIDDEN,
    Kind.INSUFFICIENT: HTTPStatus.FORBIDDEN,
    Kind.REJECTED: HTTPStatus.UNAUTHORIZED,
    Kind.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.MISCONFIGURED: HTTPStatus.INTERNAL_SERVER_ERROR,
}


@dataclass(frozen=True, slots=True)
class Denied:
    """What a request is told that does not get through.

    `reason` is that of a rejection, or of a browser's refused refresh (`session_superseded` where it has
    newer cookies), or one of NO_CREDENTIALS, INVALID_REQUEST, CROSS_SITE, NO_POLICY, UNAVAILABLE and
    INTERNAL. `next_action` is None where the client can do nothing but repeat the request; `retry` says to do
    that at once. `why` is not for the client; it is None where nothing was rejected, and nothing failed.
    """

    status: int
    reason: str
    next_action: NextAction | None
    why: Rejection | Exception | None
    retry: bool = False


@dataclass(frozen=True, slots=True)
class SentBack(Denial):
    """A browser makes the same request again."""

    location: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in a form of one's own; the headers that the denial needs are added to it."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


# It is given the request as the framework has it.
Renderer: TypeAlias = Callable[[Any, Denied], Answer]


class HttpOptions(TypedDict, total=False):
    """Where middleware for HTTP takes tokens from, and how it answers.

    Without any of them a token is taken from `Authorization: Bearer` alone, and a denial is JSON.

    * `cookie`: the name of the cookie that has a browser's token, for a request that has none in its header.
      A browser sends cookies with requests that another site makes it send. Such requests are denied, unless
      their method changes nothing: only those get through that say by `Sec-Fetch-Site`, or else by `Origin`,
      that this site or one of `trusted_origins` made them. An upgrade, as to a WebSocket, counts as a change.
    * `trusted_origins`: further origins whose pages may send cookies, such as `https://app.example`.
    * `allow_missing_origin`: what has a cookie and does not say where it comes from gets through.
    * `dpop_origin`: the origin that clients know, such as `https://api.example`, for which DPoP proofs are
      taken (RFC 9449). What a request says of its own host is not taken: a proof that was made for another
      service could be used here with it. Without it a token under the scheme DPoP is never good.
    * `certificate`: gives, for a request, the certificate in DER that its client has shown, or None: the
      proof of a token that is bound to one (RFC 8705). A validator is asked with it each time, past what it
      keeps.
    * `render`: writes the answers to requests that are denied in a form of one's own.
    * `logger`: is told of what only an operator can mend.
    """

    cookie: str
    trusted_origins: Sequence[str]
    allow_missing_origin: bool
    dpop_origin: str
    certificate: Callable[[Any], bytes | None]
    render: Renderer
    logger: logging.Logger


class HttpGate:
    """The gate of HTTP, with what it answers."""

    def __init__(self, **options: Unpack[HttpOptions]) -> None:
        refuse_unknown(options, HttpOptions)
        self.certificate: Final = options.pop("certificate", _no_certificate)
        self._render: Final = options.pop("render", render_json)
        self.logger: Final = options.pop("logger", _LOGGER)
        self._gate: Final = Gate(**options)  # type: ignore[misc]

    def examine(self, request: Request, rule: Rule) -> Question | Denial | None:
        """What is to be asked about a request; see `Gate.examine`."""
        return self._gate.examine(request, rule)

    def missing(self, rule: Rule) -> Denial:
        """What a request without a token is told."""
        return self._gate.missing(rule)

    def is_cross_site(self, request: Request) -> bool:
        """Whether another site may have caused a request with a cookie."""
        return self._gate.is_cross_site(request)

    def options(self, request: Request, rule: Rule) -> dict[str, Any]:
        """What goes with a question about a token of a cookie."""
        return self._gate.options(request, rule, Scheme.COOKIE)

    def refuse(self, denial: Denial, request: Any, route: str) -> Answer:
        """The answer to a request that is denied."""
        denial.log(self.logger, f"route {route!r}")
        return to_answer(denial, request, self._render)


def render_json(_: Any, denied: Denied) -> Answer:
    """The usual form."""
    told: dict[str, str | bool] = {"error": str(denied.reason)}
    if denied.next_action is not None:
        told["next_action"] = str(denied.next_action)
    if denied.retry:
        told["retry"] = True
    body = json.dumps(told, separators=(",", ":")).encode() + b"\n"
    return Answer(denied.status, body, [("Content-Type", "application/json")])


def to_answer(denial: Denial, request: Any, render: Renderer) -> Answer:
    """The answer with its headers; what was refused to one is not for another (RFC 9111 §5.2.2.5)."""
    if isinstance(denial, SentBack):
        sent = [("Cache-Control", "no-store"), ("Location", denial.location)]
        return Answer(HTTPStatus.TEMPORARY_REDIRECT, b"", [*sent, ("Content-Length", "0")])
    denied = Denied(STATUSES[denial.kind], denial.reason, denial.next_action, denial.why, denial.retry)
    headers = [("Cache-Control", "no-store")]
    headers += [("WWW-Authenticate", challenge) for challenge in denial.challenges]
    if denial.kind is Kind.UNAVAILABLE:
        # It is never too early (RFC 9110 §10.2.3).
        headers.append(("Retry-After", str(math.ceil(denial.retry_after.total_seconds()))))
    rendered = render(request, denied)
    own = [(name, value) for name, value in rendered.headers if name.lower() != "content-length"]
    length = ("Content-Length", str(len(rendered.body)))
    return Answer(rendered.status, rendered.body, [*headers, *own, length])


def _no_certificate(_: Any) -> bytes | None:
    return None
