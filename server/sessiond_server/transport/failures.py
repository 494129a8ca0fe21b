"""The table of failures: each named failure's status code, reason and text, in one place."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sessiond_server.domain import failures
from sessiond_server.domain.failures import Failure, RefreshRefusal, quoted
from sessiond_server.transport.codec import refusals
from sessiond_server.transport.engine.port import Status, StatusCode
from sessiond_server.transport.rejections import worded

# This is shorter than the smallest usual grace, so that a retried refresh is still inside its window.
_RETRY_AFTER_SECONDS: Final = 0.5
# It takes entries again when some have expired.
_FULL_FOR_SECONDS: Final = 60.0
# Whoever is shed must not come back all at once.
_SHED_FOR_SECONDS: Final = (0.5, 1.5)
# By how much the pause of whoever is limited is prolonged, by chance.
_SPREAD: Final = (1.0, 1.2)

_REFUSAL_MESSAGES: Final = MappingProxyType(
    {
        RefreshRefusal.INVALID: "this is not a refresh token that sessiond gave out: log in again",
        RefreshRefusal.SUPERSEDED: (
            "a newer refresh token was given out for this one: use that; the session lives"
        ),
        RefreshRefusal.REUSED: (
            "the refresh token had been used before, so its session has been ended: log in again"
        ),
        RefreshRefusal.REVOKED: "the session has been ended: log in again",
        RefreshRefusal.IDLE_TIMEOUT: "the session was not used for too long: log in again",
        RefreshRefusal.LIFETIME_EXCEEDED: "the session has reached its longest life: log in again",
        RefreshRefusal.BINDING_MISMATCH: (
            "the session is bound to a key whose possession was not proven: "
            "bring a new proof; the session lives"
        ),
        RefreshRefusal.PROVIDER_REFUSED: "the provider has ended the session: log in again",
    }
)


def _field_invalid(failure: refusals.FieldInvalidError) -> Status:
    return Status(
        StatusCode.INVALID_ARGUMENT,
        "FIELD_INVALID",
        f"{failure.field}: found {failure.found}, allowed is {failure.allowed}",
        MappingProxyType({"field": failure.field, "found": failure.found, "allowed": failure.allowed}),
    )


def _input_refused(failure: failures.InputRefusedError) -> Status:
    """The status where the codec has no name for the input; else `codec.fields.named` names the field."""
    return _field_invalid(
        refusals.FieldInvalidError(failure.what.name.lower(), found=failure.found, allowed=failure.allowed)
    )


def _unsupported(failure: refusals.FeatureUnsupportedError) -> Status:
    return Status(
        StatusCode.UNIMPLEMENTED,
        "FEATURE_UNSUPPORTED",
        f"{failure.field}: this version does not carry it out",
        MappingProxyType({"field": failure.field}),
    )


def _refresh_refused(failure: failures.RefreshRefusedError) -> Status:
    return Status(StatusCode.UNAUTHENTICATED, failure.refusal.value, _REFUSAL_MESSAGES[failure.refusal])


def _not_permitted(failure: failures.CallerNotPermittedError) -> Status:
    return Status(
        StatusCode.PERMISSION_DENIED,
        "CALLER_NOT_PERMITTED",
        f"the caller lacks the {failure.what} {quoted(failure.needed)}",
        MappingProxyType({failure.what: failure.needed}),
    )


def _login_refused(failure: failures.LoginRefusedError) -> Status:
    name, why = failure.why.name, failure.why
    said = f"{name}, {why.value}" if isinstance(why, failures.LoginRefusal) else name
    if failure.rejected:
        said = f"{name}, {worded(failure.rejected)[0]}"
    return Status(
        StatusCode.FAILED_PRECONDITION,
        "LOGIN_REFUSED",
        f"what the login produced does not open a session: {said}",
        MappingProxyType({"rejection": failure.why.name}),
    )


def _fixed(
    code: StatusCode, reason: str, message: str, *, retry_after_seconds: float | None = None
) -> Callable[[Any], Status]:
    status = Status(code, reason, message, retry_after_seconds=retry_after_seconds)
    return lambda _: status


def _retry_later(reason: str, message: str) -> Callable[[Any], Status]:
    status = Status(StatusCode.UNAVAILABLE, reason, message, retry_after_seconds=_RETRY_AFTER_SECONDS)
    return lambda _: status


def _shutting_down(failure: failures.ShuttingDownError) -> Status:
    if failure.ends_a_stream:
        return Status(
            StatusCode.UNAVAILABLE,
            "SHUTTING_DOWN",
            "the server is about to stop: open the stream again, at another server if possible",
            retry_after_seconds=0.0,
        )
    return Status(
        StatusCode.UNAVAILABLE,
        "SHUTTING_DOWN",
        "the server is about to stop: nothing was begun, repeat the same call, at another server if possible",
        retry_after_seconds=_RETRY_AFTER_SECONDS,
    )


def _exhausted(reason: str, message: str) -> Callable[[Any], Status]:
    def to_row(_failure: Failure) -> Status:
        delay = random.uniform(*_SHED_FOR_SECONDS)  # noqa: S311 - it is no secret
        return Status(StatusCode.RESOURCE_EXHAUSTED, reason, message, retry_after_seconds=delay)

    return to_row


def _shed(_failure: failures.OverloadedError) -> Status:
    return Status(
        StatusCode.UNAVAILABLE,
        "OVERLOADED",
        "the server has too much to do, or has stood still: nothing was begun, repeat the same call later",
        retry_after_seconds=random.uniform(*_SHED_FOR_SECONDS),  # noqa: S311 - it is no secret
    )


def _rate_limited(failure: failures.RateLimitedError) -> Status:
    # Nobody comes too early, and not everybody at once.
    delay = failure.wait_seconds * random.uniform(*_SPREAD)  # noqa: S311 - it is no secret
    activity, per = failure.activity.value, failure.per.value
    return Status(
        StatusCode.RESOURCE_EXHAUSTED,
        "RATE_LIMITED",
        f"this was done too often: {activity} is limited to {failure.rate} per {per}; nothing was begun",
        MappingProxyType({"activity": activity, "per": per, "rate": failure.rate}),
        retry_after_seconds=delay,
        exhausted=(per, f"{activity} {failure.rate}"),
    )


STATUSES: Final[Mapping[type[Failure], Callable[[Any], Status]]] = MappingProxyType(
    {
        refusals.FieldInvalidError: _field_invalid,
        failures.InputRefusedError: _input_refused,
        refusals.FeatureUnsupportedError: _unsupported,
        refusals.MessageMalformedError: _fixed(
            StatusCode.INVALID_ARGUMENT,
            "MESSAGE_MALFORMED",
            "the request is not a message of this method's type",
        ),
        failures.CallerUnknownError: _fixed(
            StatusCode.PERMISSION_DENIED,
            "CALLER_UNKNOWN",
            "the caller is not known: send the key, or a good workload token, of a configured caller",
        ),
        failures.CallerNotPermittedError: _not_permitted,
        failures.LoginRefusedError: _login_refused,
        failures.RateLimitedError: _rate_limited,
        failures.ProviderUnavailableError: _retry_later(
            "PROVIDER_UNAVAILABLE",
            "the provider did not decide: the presented token stays good, repeat the same call",
        ),
        failures.RefreshRefusedError: _refresh_refused,
        failures.SessionNotFoundError: _fixed(
            StatusCode.NOT_FOUND, "SESSION_NOT_FOUND", "no live session has this id"
        ),
        failures.StoreUnavailableError: _retry_later(
            "STORE_UNAVAILABLE",
            "the store did not answer, or not as it should: nothing is decided, repeat the same call",
        ),
        failures.RevocationViewStaleError: _retry_later(
            "REVOCATION_VIEW_STALE",
            "what is known of revocations is too old to answer from: repeat the same call",
        ),
        failures.RevocationLogFullError: _fixed(
            StatusCode.RESOURCE_EXHAUSTED,
            "REVOCATION_LOG_FULL",
            "the log of revocations is full: nothing was revoked, repeat the same call later",
            retry_after_seconds=_FULL_FOR_SECONDS,
        ),
        failures.KeysUnavailableError: _retry_later(
            "KEYS_UNAVAILABLE", "the issuer's keys cannot be had now: repeat the same call"
        ),
        failures.OverloadedError: _shed,
        failures.ShuttingDownError: _shutting_down,
        failures.TimeOverError: _fixed(
            StatusCode.DEADLINE_EXCEEDED,
            "TIME_OVER",
            "the call has too little time left: nothing was begun, repeat the same call with more time",
        ),
        failures.WatchersExhaustedError: _exhausted(
            "WATCHERS_EXHAUSTED",
            "there are too many watchers, in all or of this caller: watch less, or at another server",
        ),
        failures.WatchFellBehindError: _exhausted(
            "WATCH_FELL_BEHIND",
            "the watcher did not take what it was sent: open the stream again from the last revision",
        ),
        failures.PepperMissingError: _retry_later(
            "PEPPER_MISSING",
            "this server lacks the pepper of the session: "
            "repeat the same call, at another server if possible",
        ),
        failures.SealingKeyMissingError: _retry_later(
            "SEALING_KEY_MISSING",
            "this server cannot unseal the session: repeat the same call, at another server if possible",
        ),
    }
)


def to_status(failure: Failure) -> Status:
    """The status of a named failure."""
    return STATUSES[type(failure)](failure)
