"""The table of rejections is complete, and tells nothing that would end the quotes of a header."""

from __future__ import annotations

import re

import pytest

from sessiond_server.domain.verdict import Reason, Rejected
from sessiond_server.transport.rejections import REJECTIONS, NextAction, next_action, worded

# Every form in which a reason comes out of the checks.
SAMPLES = [
    Rejected(Reason.TOO_LARGE, {"max_bytes": "8192"}),
    *(Rejected(Reason.MALFORMED, {"form": form}) for form in ("unreadable", "opaque")),
    *(Rejected(Reason.ISSUER_NOT_TRUSTED, {"among": among}) for among in ("configured", "wanted")),
    *(Rejected(Reason.ALGORITHM_NOT_ALLOWED, {"by": by}) for by in ("issuer", "key")),
    Rejected(Reason.KEY_UNKNOWN),
    Rejected(Reason.SIGNATURE_INVALID),
    Rejected(Reason.TYPE_NOT_ALLOWED),
    Rejected(Reason.CLAIM_MISSING, {"claim": "jti"}),
    Rejected(Reason.CLAIM_INVALID, {"fault": "form", "claim": "exp"}),
    *(Rejected(Reason.CLAIM_INVALID, {"fault": fault}) for fault in ("lifetime", "tenant")),
    Rejected(Reason.EXPIRED),
    Rejected(Reason.NOT_YET_VALID),
    Rejected(Reason.AUDIENCE_MISMATCH),
    *(Rejected(Reason.BINDING_MISMATCH, {"scheme": scheme}) for scheme in ("DPoP", "Bearer")),
    Rejected(Reason.REVOKED),
    Rejected(Reason.SCOPE_INSUFFICIENT, {"lacks": "scope", "scope": "a b"}),
    *(Rejected(Reason.SCOPE_INSUFFICIENT, {"lacks": lacks}) for lacks in ("permission", "claim")),
    Rejected(Reason.STEP_UP_REQUIRED, {"how": "again", "max_age": "60"}),
    Rejected(Reason.STEP_UP_REQUIRED, {"how": "by stronger means", "acr_values": "gold silver"}),
]
CHALLENGE = re.compile(r'(Bearer|DPoP) \w+="[^"\\]*"(, \w+="[^"\\]*")*')


def test_every_reason_has_a_row() -> None:
    assert set(REJECTIONS) == set(Reason)
    assert {sample.reason for sample in SAMPLES} == set(Reason)
    assert {next_action(sample) for sample in SAMPLES} == set(NextAction)


@pytest.mark.parametrize(
    "rejected", SAMPLES, ids=lambda one: f"{one.reason.name}-{'-'.join(one.fields.values())}"
)
def test_a_rejection_has_words_and_a_challenge(rejected: Rejected) -> None:
    message, challenge = worded(rejected)
    assert message[0].islower()
    assert not message.endswith(".")
    assert "{" not in message
    assert CHALLENGE.fullmatch(challenge)


def test_a_challenge_asks_for_what_the_request_demanded() -> None:
    """RFC 6750 §3.1, RFC 9470 §3, RFC 9449 §7.1."""
    challenges = {worded(sample)[1] for sample in SAMPLES}
    assert any(one.endswith('scope="a b"') for one in challenges)
    assert any(one.endswith('max_age="60"') for one in challenges)
    assert any(one.endswith('acr_values="gold silver"') for one in challenges)
    assert any(one.startswith("DPoP ") for one in challenges)


def test_a_challenge_describes_what_the_client_can_mend_and_nothing_else() -> None:
    described = {sample.reason for sample in SAMPLES if "error_description" in worded(sample)[1]}
    assert described == {
        Reason.EXPIRED,
        Reason.BINDING_MISMATCH,
        Reason.SCOPE_INSUFFICIENT,
        Reason.STEP_UP_REQUIRED,
    }
