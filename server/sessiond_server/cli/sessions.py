"""Sessions, for whoever operates a server: `sessiond sessions`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

import click

from sessiond import Cause, Client, RevocationResult, SessionRecord
from sessiond_server.cli.as_json import json_option, plain
from sessiond_server.cli.remote import Remote, server_options
from sessiond_server.cli.tables import counted, moment, table

_CAUSES: Final = [cause.name.lower() for cause in Cause]
_PAIR: Final = (str, str)


@click.group()
def sessions() -> None:
    """List, show and end sessions at a running server."""


@sessions.command(
    "list",
    epilog="""\b
Examples:
  sessiond sessions list https://id.example.com user-123
  sessiond sessions list https://id.example.com user-123 --json | jq -r '.[].session_id'""",
)
@click.argument("issuer")
@click.argument("subject")
@click.option("--limit", default=1000, show_default=True, help="How many are shown, the newest first.")
@json_option
@server_options
def list_sessions(*, remote: Remote, issuer: str, subject: str, limit: int, as_json: bool) -> None:
    """Show the live sessions of SUBJECT at ISSUER, the newest first."""
    with remote.connected() as client:
        found = list(islice(client.list_sessions(issuer, subject), limit))
    if as_json:
        click.echo(json.dumps([_to_json(one) for one in found]))
    else:
        click.echo(_all_shown(found) if found else "no live sessions")


@sessions.command("show", epilog="\b\nExample:\n  sessiond sessions show sds_RGVmZ2hpamtsbW5vcHFyc3")
@click.argument("session_id")
@json_option
@server_options
def show_session(*, remote: Remote, session_id: str, as_json: bool) -> None:
    """Show one live session: exit status 1 if it is unknown or has ended."""
    with remote.connected() as client:
        found = client.get_session(session_id)
    click.echo(json.dumps(_to_json(found)) if as_json else _shown(_to_json(found)))


@sessions.command(
    "revoke",
    epilog="""\b
Examples:
  sessiond sessions revoke sds_RGVmZ2hpamtsbW5vcHFyc3 --note "ticket 4711"
  sessiond sessions revoke --subject https://id.example.com user-123 --cause compromise
  sessiond sessions revoke --tenant https://id.example.com org_42 --yes""",
)
@click.argument("session_id", required=False)
@click.option("--subject", type=_PAIR, metavar="ISSUER ID", help="Every session of this subject.")
@click.option("--except", "spared", default="", metavar="SESSION_ID", help="With --subject: spare this one.")
@click.option(
    "--provider-session", type=_PAIR, metavar="ISSUER ID", help="A provider's session, by its `sid`."
)
@click.option("--tenant", type=_PAIR, metavar="ISSUER ID", help="Every session of this tenant.")
@click.option("--client", type=_PAIR, metavar="ISSUER ID", help="Every session of this application.")
@click.option("--issuer", metavar="ISSUER", help="Every session at this issuer.")
@click.option(
    "--key", type=_PAIR, metavar="ISSUER KID", help="Every token that this key signed or will sign, for good."
)
@click.option("--cause", type=click.Choice(_CAUSES), default="admin", show_default=True, help="Why.")
@click.option("--note", default="", metavar="TEXT", help="A remark for the server's log.")
@click.option("--yes", is_flag=True, help="Do not ask before what many users share is ended.")
@json_option
@server_options
def revoke(
    *, remote: Remote, spared: str, cause: str, note: str, yes: bool, as_json: bool, **targets: Any
) -> None:
    """End a session, or all that share what an option names, at every server at once.

    What had ended already is no error.
    """
    given = {name: named for name, named in targets.items() if named}
    if len(given) != 1:
        raise click.UsageError("give SESSION_ID, or exactly one of the options that name what is to end")
    ((option, named),) = given.items()
    names = (named,) if isinstance(named, str) else named
    kind = option.removesuffix("_id").replace("_", " ")
    if spared and option != "subject":
        raise click.UsageError("--except goes with --subject")
    if option not in _OF_ONE_USER and not yes:
        _confirm(f"End what is of the {kind} {' '.join(names)}?")
    more = {"except_session_id": spared} if spared else {}
    with remote.connected() as client:
        revoked = _METHODS[option](client)(*names, cause=Cause[cause.upper()], note=note, **more)
    click.echo(json.dumps(_to_json_of_end(revoked)) if as_json else _sentence(kind, revoked))


_OF_ONE_USER: Final = frozenset({"session_id", "subject"})
_METHODS: Final[dict[str, Callable[[Client], Callable[..., RevocationResult]]]] = {
    "session_id": lambda client: client.revoke_session,
    "subject": lambda client: client.revoke_subject,
    "provider_session": lambda client: client.revoke_provider_session,
    "tenant": lambda client: client.revoke_tenant,
    "client": lambda client: client.revoke_client,
    "issuer": lambda client: client.revoke_issuer,
    "key": lambda client: client.revoke_key,
}


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Say so with --yes, where nobody can be asked")
    click.confirm(question, abort=True, err=True)


def _to_json_of_end(revoked: RevocationResult) -> dict[str, Any]:
    return {"revision": revoked.revision, "sessions_ended": revoked.sessions_ended}


def _sentence(kind: str, revoked: RevocationResult) -> str:
    if revoked.sessions_ended is None:
        return f"revoked: the {kind}; how many sessions that ended is not counted"
    return f"revoked: {counted(revoked.sessions_ended, 'live session')} ended"


def _all_shown(records: Sequence[SessionRecord]) -> str:
    columns = ("session", "client", "tenant", "created", "last refresh", "ends", "device")
    return table(columns, map(_row, records))


def _row(record: SessionRecord) -> tuple[str, ...]:
    session, device = record.session, record.device
    times = (record.create_time, record.last_refresh_time, record.idle_expire_time)
    return (
        *(session.session_id, session.client_id, session.tenant_id),
        *map(moment, times),
        device.label or device.user_agent or device.ip_address,
    )


def _shown(members: Mapping[str, object]) -> str:
    rows = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in members.items())
    return table(("field", "value"), rows)


def _to_json(record: SessionRecord) -> dict[str, Any]:
    """What is known of a session, without what is empty."""
    members = asdict(record)
    session = members.pop("session")
    return {name: _filled(plain(value)) for name, value in (session | members).items() if value}


def _filled(value: Any) -> Any:
    return {name: one for name, one in value.items() if one} if isinstance(value, dict) else value
