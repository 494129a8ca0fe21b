"""The error codes of OAuth, by which logs and metrics tell why a provider refused.

A provider may send any text as a code. Only the registered ones are repeated; a description never is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NO_CODE: Final = "none"
OTHER_CODE: Final = "other"
INVALID_CLIENT: Final = "invalid_client"
INVALID_GRANT: Final = "invalid_grant"
# RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3.1; RFC 7009 §2.2.1; RFC 8628 §3.5; RFC 8707 §2; RFC 9449 §5, §8; OpenID
# Connect Core 1.0 §3.1.2.6.
_CODES: Final = frozenset(
    {
        INVALID_CLIENT,
        INVALID_GRANT,
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
        "access_denied",
        "unsupported_response_type",
        "server_error",
        "temporarily_unavailable",
        "invalid_token",
        "insufficient_scope",
        "unsupported_token_type",
        "authorization_pending",
        "slow_down",
        "expired_token",
        "invalid_target",
        "invalid_dpop_proof",
        "use_dpop_nonce",
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
    }
)
# What `error_code` may give but that there is none.
ALL_CODES: Final = (*sorted(_CODES), OTHER_CODE)


def error_code(body: Mapping[str, Any]) -> str:
    """The code of an answer (RFC 6749 §5.2), or that it has none, or one that is not registered."""
    code = body.get("error")
    if code is None:
        return NO_CODE
    return code if isinstance(code, str) and code in _CODES else OTHER_CODE
