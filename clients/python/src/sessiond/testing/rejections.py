"""Rejections in the server's words, with its actions and challenges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sessiond.middleware.credentials import is_token68
from sessiond.v1.session_pb2 import Rejection, Requirements

_ACTIONS: Final = {
    "ISSUER_NOT_TRUSTED": "DENY",
    "ALGORITHM_NOT_ALLOWED": "DENY",
    "TYPE_NOT_ALLOWED": "DENY",
    "AUDIENCE_MISMATCH": "DENY",
    "BINDING_MISMATCH": "DENY",
    "SCOPE_INSUFFICIENT": "DENY",
    "STEP_UP_REQUIRED": "STEP_UP",
    "EXPIRED": "REFRESH",
}


class RejectedError(Exception):
    """A token is not accepted."""

    def __init__(self, reason: str, message: str, challenge: str = "", action: str = "") -> None:
        super().__init__(message)
        told = 'Bearer error="invalid_token"'
        if reason == "EXPIRED":
            told += described(message)
        self.rejection: Final = Rejection(
            reason=f"REASON_{reason}",
            message=message,
            next_action=f"NEXT_ACTION_{action or _ACTIONS.get(reason, 'REAUTHENTICATE')}",
            www_authenticate=challenge or told,
        )


def described(message: str) -> str:
    """The message as a parameter of a challenge."""
    return f', error_description="{message}"'


def malformed(token: str) -> RejectedError:
    """For what is no signed JWT in compact form."""
    if token.count(".") != 2 and is_token68(token):  # noqa: PLR2004 - of three parts
        message = (
            "this is no JWT, but an opaque or encrypted token: have its provider issue access tokens as JWTs"
        )
        return RejectedError("MALFORMED", message, action="DENY")
    return RejectedError("MALFORMED", "this is not a signed JWT in compact form")


def unproven(*, is_by_dpop: bool) -> RejectedError:
    """For a token that is bound to a key."""
    message = "the token is bound to a key whose possession was not proven"
    scheme = "DPoP" if is_by_dpop else "Bearer"
    return RejectedError("BINDING_MISMATCH", message, f'{scheme} error="invalid_token"{described(message)}')


def insufficient(lacks: str, scopes: Sequence[str] = ()) -> RejectedError:
    """For a token that lacks what is required."""
    message = f"the token lacks a required {lacks}"
    challenge = f'Bearer error="insufficient_scope"{described(message)}'
    if scopes:
        challenge += f', scope="{" ".join(scopes)}"'
    return RejectedError("SCOPE_INSUFFICIENT", message, challenge)


def step_up(how: str, want: Requirements) -> RejectedError:
    """For a login that is too old or too weak (RFC 9470)."""
    message = f"the user must prove who they are {how}"
    challenge = f'Bearer error="insufficient_user_authentication"{described(message)}'
    if want.acr_values:
        challenge += f', acr_values="{" ".join(want.acr_values)}"'
    if want.HasField("max_auth_age"):
        challenge += f', max_age="{want.max_auth_age.seconds}"'
    return RejectedError("STEP_UP_REQUIRED", message, challenge)
