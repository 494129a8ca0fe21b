"""Explains why a token is accepted or rejected, by what a configuration requires of it."""

from __future__ import annotations

from collections.abc import Mapping

from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.app.issuers import key_set_reader, to_policy
from sessiond_server.config.reader import TokenRules
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.service.logger import Logger
from sessiond_server.service.validation.explain import Explainer, Explanation
from sessiond_server.service.validation.keys import VerificationKey


def explain(
    token: bytes, rules: TokenRules, *, key_set: bytes | None, now: float, logger: Logger
) -> Explanation:
    """Judge `token` under the policy of its issuer; `key_set` is a JWK set to check the signature with."""

    def read_keys(policy: IssuerPolicy) -> Mapping[str, VerificationKey] | None:
        return key_set_reader(policy, logger=logger)(key_set or b"")

    explainer = Explainer(
        {one.issuer: to_policy(one, frozenset(one.algorithms)) for one in rules.issuers},
        parser=StrictTokenParser(max_bytes=rules.max_token_bytes),
        read_keys=None if key_set is None else read_keys,
        max_token_bytes=rules.max_token_bytes,
    )
    return explainer.explain(token, now=now)
