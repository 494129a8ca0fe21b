"""What is required of requests to a route, or of calls of a method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Unpack

from sessiond.consistency import Consistency, to_message
from sessiond.middleware.credentials import is_scope
from sessiond.policy import NOTHING, Policy, Requirements
from sessiond.requests import policy_of


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do something; made by `require` and `optional`, and there is `PUBLIC`."""

    policy: Policy = NOTHING
    consistency: Consistency | None = None
    is_public: bool = False
    is_optional: bool = False
    is_for_nobody: bool = False


# Nobody has to be known, and no token that comes along is looked at.
PUBLIC: Final = Rule(is_public=True)
# For what nobody has said anything about, or of which it is not clear what it means.
NOBODY: Final = Rule(is_for_nobody=True)


def require(
    policy: Policy | None = None,
    *,
    consistency: Consistency | None = None,
    **requirements: Unpack[Requirements],
) -> Rule:
    """Only for a token that fulfils a policy, or the same in keywords; without any a good token will do.

    Raises:
        TypeError: a keyword or the consistency is not known, or there is a policy and keywords.
        ValueError: a scope is none.
    """
    return Rule(_compiled(policy, consistency, requirements), consistency)


def optional(
    policy: Policy | None = None,
    *,
    consistency: Consistency | None = None,
    **requirements: Unpack[Requirements],
) -> Rule:
    """As `require`, and for who has no token, too: without a session. A token that is not good is denied."""
    return Rule(_compiled(policy, consistency, requirements), consistency, is_optional=True)


def _compiled(policy: Policy | None, consistency: Consistency | None, requirements: Requirements) -> Policy:
    to_message(consistency)
    compiled = policy_of(policy, requirements)
    for scope in compiled.scopes:
        if not is_scope(scope):
            raise ValueError(f"scopes: found {scope!r}, allowed is a scope of RFC 6749")
    return compiled
