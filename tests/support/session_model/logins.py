"""Sessions that have just been opened, as their first answer and their record tell of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sessiond_server.adapters.store.record import State
from sessiond_server.domain.session import Cause
from tests.support.idp import CLIENT_ID
from tests.support.session_model.families import Family
from tests.support.session_model.records import header_of
from tests.support.session_model.stage import LOCAL_CLIENT, LOCAL_ISSUER, TERMS

if TYPE_CHECKING:
    from tests.support.session_model.world import World

TENANT: Final = "org_1"
# Of a token that the provider gave for an adoption nothing is known but that there is one.
UNKNOWN: Final = "?"


async def opened(world: World, tokens: Any, *, upstream: str) -> Family:
    """The session of these tokens, which is the provider's where that has given `upstream` for it."""
    families, session = world.witness.families, tokens.session
    header = await header_of(world.redis, session.session_id)
    family = Family(
        name=f"{'p' if upstream else 'l'}{len(families) + 1}",
        session=session.session_id,
        issuer=world.idp.issuer if upstream else LOCAL_ISSUER,
        subject=session.subject,
        tenant=TENANT,
        client=CLIENT_ID if upstream else LOCAL_CLIENT,
        terms=TERMS,
        created_ms=header.created_ms,
        absolute_expire_ms=header.absolute_expire_ms,
        tokens={0: tokens.refresh_token},
        upstream=upstream,
        access_expire_ms=tokens.access_expire_time.ToMilliseconds(),
        replays=header.replays,
    )
    family.access_tokens.append(tokens.access_token)
    if header.state != State.LIVE:
        family.end(Cause(header.cause).name)
    families[family.name] = family
    return family
