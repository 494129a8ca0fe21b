"""The table of rejections: what the client can do, the words and the challenge of each reason.

A challenge is the value of a `WWW-Authenticate` header (RFC 6750 §3, RFC 9470 §3). None of the three says
anything of the token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final, TypeAlias

from sessiond_server.domain.verdict import Reason, Rejected

_Fields: TypeAlias = Mapping[str, str]
_FAULTS_OF_CLAIMS: Final = MappingProxyType(
    {
        "form": "the claim {claim} is not of the form that its specification gives it",
        "lifetime": "the token's lifetime is not one that its issuer may give out",
        "tenant": "the token's tenant is not one of those that its issuer may name",
    }
)
_FORM_MESSAGES: Final = MappingProxyType(
    {
        "unreadable": "this is not a signed JWT in compact form",
        "opaque": (
            "this is no JWT, but an opaque or encrypted token: have its provider issue access tokens as JWTs"
        ),
    }
)
_ALGORITHM_MESSAGES: Final = MappingProxyType(
    {
        "issuer": "the token's algorithm is not allowed for its issuer",
        "key": "the token's algorithm is not that of its key",
    }
)


class NextAction(Enum):
    """What the bearer's client can do about a rejection."""

    REFRESH = auto()
    REAUTHENTICATE = auto()
    STEP_UP = auto()
    DENY = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """How a reason is told.

    `message` makes its words of the rejection's fields, `challenge` makes its header of both.
    """

    next_action: Callable[[_Fields], NextAction]
    message: Callable[[_Fields], str]
    challenge: Callable[[_Fields, str], str]


def next_action(rejected: Rejected) -> NextAction:
    """What the bearer's client can do about it."""
    return REJECTIONS[rejected.reason].next_action(rejected.fields)


def worded(rejected: Rejected) -> tuple[str, str]:
    """The message for people, and the challenge."""
    row = REJECTIONS[rejected.reason]
    message = row.message(rejected.fields)
    return message, row.challenge(rejected.fields, message)


def _bare(_fields: _Fields, _message: str) -> str:
    return 'Bearer error="invalid_token"'


def _described(fields: _Fields, message: str) -> str:
    return f'{fields.get("scheme", "Bearer")} error="invalid_token", error_description="{message}"'


def _insufficient(fields: _Fields, message: str) -> str:
    challenge = f'Bearer error="insufficient_scope", error_description="{message}"'
    return f'{challenge}, scope="{fields["scope"]}"' if "scope" in fields else challenge


def _step_up(fields: _Fields, message: str) -> str:
    parameters = "".join(f', {name}="{fields[name]}"' for name in ("acr_values", "max_age") if name in fields)
    return f'Bearer error="insufficient_user_authentication", error_description="{message}"{parameters}'


def _row(action: NextAction, message: str, challenge: Callable[[_Fields, str], str] = _bare) -> Row:
    """A row whose words are a template of the rejection's fields."""
    return Row(lambda _: action, message.format_map, challenge)


def _action_by_form(fields: _Fields) -> NextAction:
    # A provider that issues opaque tokens issues another one at the next login.
    return NextAction.DENY if fields["form"] == "opaque" else NextAction.REAUTHENTICATE


REJECTIONS: Final[Mapping[Reason, Row]] = MappingProxyType(
    {
        Reason.TOO_LARGE: _row(NextAction.REAUTHENTICATE, "the token is larger than {max_bytes} bytes"),
        Reason.MALFORMED: Row(_action_by_form, lambda fields: _FORM_MESSAGES[fields["form"]], _bare),
        Reason.ISSUER_NOT_TRUSTED: _row(NextAction.DENY, "the token's issuer is not one of the {among} ones"),
        Reason.ALGORITHM_NOT_ALLOWED: Row(
            lambda _: NextAction.DENY, lambda fields: _ALGORITHM_MESSAGES[fields["by"]], _bare
        ),
        Reason.KEY_UNKNOWN: _row(NextAction.REAUTHENTICATE, "the token's key is not in its issuer's key set"),
        Reason.SIGNATURE_INVALID: _row(NextAction.REAUTHENTICATE, "the token was not signed by its issuer"),
        Reason.TYPE_NOT_ALLOWED: _row(NextAction.DENY, "the token is not an access token of its issuer"),
        Reason.CLAIM_MISSING: _row(NextAction.REAUTHENTICATE, "the token lacks the claim {claim}"),
        Reason.CLAIM_INVALID: Row(
            lambda _: NextAction.REAUTHENTICATE,
            lambda fields: _FAULTS_OF_CLAIMS[fields["fault"]].format_map(fields),
            _bare,
        ),
        Reason.EXPIRED: _row(NextAction.REFRESH, "the token has expired", _described),
        Reason.NOT_YET_VALID: _row(NextAction.REAUTHENTICATE, "the token is not valid yet"),
        Reason.AUDIENCE_MISMATCH: _row(NextAction.DENY, "the token is meant for another audience"),
        Reason.BINDING_MISMATCH: _row(
            NextAction.DENY, "the token is bound to a key whose possession was not proven", _described
        ),
        Reason.REVOKED: _row(NextAction.REAUTHENTICATE, "the token's session has been ended"),
        Reason.SCOPE_INSUFFICIENT: _row(NextAction.DENY, "the token lacks a required {lacks}", _insufficient),
        Reason.STEP_UP_REQUIRED: _row(NextAction.STEP_UP, "the user must prove who they are {how}", _step_up),
    }
)
