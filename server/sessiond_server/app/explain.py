"""Explains why a token is accepted or rejected, by what a configuration requires of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Final, TypeAlias

from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.app.issuers import key_set_reader, open_documents, to_policy
from sessiond_server.app.workloads import callers_of, open_workload_documents, to_workload_policy
from sessiond_server.config.settings import Settings
from sessiond_server.config.token_rules import TokenRules
from sessiond_server.domain.policy import IssuerPolicy
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.key_sets import Document
from sessiond_server.service.validation.explain import Explainer, Explanation, FindKeys, NoKeys
from sessiond_server.service.validation.key_source import Unfetched
from sessiond_server.service.validation.keys import VerificationKey

_Fetch: TypeAlias = Callable[[IssuerPolicy], Awaitable[bytes | NoKeys]]

_OFFLINE: Final = NoKeys("nobody is asked for it: give it with --jwks")
_LOCAL: Final = NoKeys("that of the local issuer is its server's: give it with --jwks")


async def explain(
    token: bytes, rules: TokenRules, *, key_set: bytes | None, is_offline: bool, now: float, logger: Logger
) -> Explanation:
    """Judge an access token under the policy of its issuer.

    The signature is checked with `key_set`, a JWK set. Without one that of the token's issuer is fetched as a
    server would fetch it, unless `is_offline`.
    """
    settings = {one.issuer: one for one in rules.issuers}

    async def fetch(policy: IssuerPolicy) -> bytes | NoKeys:
        issuer = settings[policy.issuer]
        if issuer.is_local:
            return _LOCAL
        async with AsyncExitStack() as stack:
            _, documents = await open_documents(issuer, stack, logger=logger)
            return _body(await documents.key_set(None))

    explainer = Explainer(
        {one.issuer: to_policy(one, frozenset(one.algorithms)) for one in rules.issuers},
        parser=StrictTokenParser(max_bytes=rules.max_token_bytes),
        find_keys=_finder(_source(key_set, fetch, is_offline=is_offline), logger),
        max_token_bytes=rules.max_token_bytes,
    )
    return await explainer.explain(token, now=now)


async def explain_workload(
    token: bytes, settings: Settings, *, key_set: bytes | None, is_offline: bool, now: float, logger: Logger
) -> Explanation:
    """Judge the token of a workload, and say which caller it shows."""
    issuers = {one.issuer: one for one in settings.workload_issuers}

    async def fetch(policy: IssuerPolicy) -> bytes | NoKeys:
        async with AsyncExitStack() as stack:
            documents = await open_workload_documents(issuers[policy.issuer], stack, logger=logger)
            return _body(await documents.key_set(None))

    explainer = Explainer(
        {name: to_workload_policy(one) for name, one in issuers.items()},
        parser=StrictTokenParser(max_bytes=settings.server.max_token_bytes),
        find_keys=_finder(_source(key_set, fetch, is_offline=is_offline), logger),
        max_token_bytes=settings.server.max_token_bytes,
        callers=callers_of(settings),
    )
    return await explainer.explain(token, now=now)


def _source(key_set: bytes | None, fetch: _Fetch, *, is_offline: bool) -> bytes | NoKeys | _Fetch:
    if key_set is not None:
        return key_set
    return _OFFLINE if is_offline else fetch


def _finder(source: bytes | NoKeys | _Fetch, logger: Logger) -> FindKeys:
    """Finds keys in a document that is given, or is fetched."""

    async def find_keys(policy: IssuerPolicy) -> Mapping[str, VerificationKey] | NoKeys:
        document = await source(policy) if callable(source) else source
        if isinstance(document, NoKeys):
            return document
        keys = key_set_reader(policy, logger=logger)(document)
        if keys is None and callable(source):
            return NoKeys("the document is none")
        return keys or {}

    return find_keys


def _body(found: Document | Unfetched) -> bytes | NoKeys:
    return NoKeys(found.detail) if isinstance(found, Unfetched) else found.body or b""
