"""Explains why a token is accepted or rejected, by what a configuration requires of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.app.issuers import key_set_reader, open_documents, to_policy
from sessiond_server.config.reader import TokenRules
from sessiond_server.config.settings import IssuerSettings
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.service.logger import Logger
from sessiond_server.service.validation.explain import Explainer, Explanation, NoKeys
from sessiond_server.service.validation.key_source import Unfetched
from sessiond_server.service.validation.keys import VerificationKey

_OFFLINE: Final = NoKeys("nobody is asked for it: give it with --jwks")
_LOCAL: Final = NoKeys("that of the local issuer is its server's: give it with --jwks")


async def explain(
    token: bytes, rules: TokenRules, *, key_set: bytes | None, is_offline: bool, now: float, logger: Logger
) -> Explanation:
    """Judge `token` under the policy of its issuer.

    The signature is checked with `key_set`, a JWK set. Without one that of the token's issuer is fetched as a
    server would fetch it, unless `is_offline`.
    """
    settings = {one.issuer: one for one in rules.issuers}

    async def find_keys(policy: IssuerPolicy) -> Mapping[str, VerificationKey] | NoKeys:
        document: bytes | NoKeys | None = key_set
        if document is None:
            document = _OFFLINE if is_offline else await _fetch(settings[policy.issuer], logger)
        if isinstance(document, NoKeys):
            return document
        keys = key_set_reader(policy, logger=logger)(document)
        if keys is None and key_set is None:
            return NoKeys("the document is none")
        return keys or {}

    explainer = Explainer(
        {one.issuer: to_policy(one, frozenset(one.algorithms)) for one in rules.issuers},
        parser=StrictTokenParser(max_bytes=rules.max_token_bytes),
        find_keys=find_keys,
        max_token_bytes=rules.max_token_bytes,
    )
    return await explainer.explain(token, now=now)


async def _fetch(issuer: IssuerSettings, logger: Logger) -> bytes | NoKeys:
    if issuer.is_local:
        return _LOCAL
    async with AsyncExitStack() as stack:
        _, documents = await open_documents(issuer, stack, logger=logger)
        found = await documents.key_set(None)
    return NoKeys(found.detail) if isinstance(found, Unfetched) else found.body or b""
