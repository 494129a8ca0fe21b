"""What checks judge, from the parts that a test has."""

from __future__ import annotations

from sessiond_server.domain.claims import Claims
from sessiond_server.domain.facts import CallFacts, TokenFacts
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.domain.requirements import Requirements
from sessiond_server.domain.token import ParsedToken


def token_facts(parsed: ParsedToken, policy: IssuerPolicy) -> TokenFacts:
    return TokenFacts(0, 0, Requirements(), parsed, policy)


def call_facts(
    claims: Claims, policy: IssuerPolicy, requirements: Requirements | None = None, *, now: float = 0.0
) -> CallFacts:
    return CallFacts(
        claims, policy, requirements or Requirements(), now, is_proven=True, is_revoked=lambda: False
    )
