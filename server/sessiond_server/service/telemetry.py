"""The port of what is measured: named events, whatever counts them.

Words that are an event's own are types here, so that whatever counts them knows all of them beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

CallType: TypeAlias = Literal["unary", "server_stream"]
ExchangeOutcome: TypeAlias = Literal["granted", "refused", "undecided", "held", "dropped", "mismatch", "lost"]
HttpRefusal: TypeAlias = Literal["FULL", "SLOW", "LARGE", "MALFORMED"]
RefreshTokenFate: TypeAlias = Literal["renewed", "kept"]
SessionSource: TypeAlias = Literal["local_login", "provider_login", "adoption"]
StoreErrorKind: TypeAlias = Literal["timeout", "connection", "refused", "script"]


@dataclass(frozen=True, slots=True)
class Exposition:
    """What is measured, in one of the forms of Prometheus, and the headers that say which."""

    body: bytes
    headers: Mapping[str, str]


class Expose(Protocol):
    """Shows what is measured to whoever asks over HTTP, by two headers of the request."""

    async def __call__(self, *, accept: str, accept_encoding: str) -> Exposition:
        """Everything, as it is now."""


class Telemetry(Protocol):
    """Takes events.

    Every word in them comes from configuration or an enumeration, never from a token or a request.

    No method raises, waits, or takes longer than counting does.
    """

    def methods_served(self, service: str, methods: Mapping[str, CallType]) -> None:
        """These methods, whose names no other service has here, will be told of."""

    def foresee(self, event: str, words: Iterable[tuple[str, ...]]) -> None:
        """An event, by its name here, may come with these words.

        What is counted of it is shown as 0 until then: an alert on an increase does not see a series that
        begins with 1.
        """

    def call_began(self, method: str) -> None:
        """A call came, and was not refused by its headers."""

    def call_ended(self, method: str, code: str, caller: str | None, seconds: float | None) -> None:
        """A call was answered, refused or cancelled, this many seconds after it came.

        None stands for one that was refused by its headers, in no time: of it alone no beginning was told.
        Without a `caller` it was a call of whoever may ask.
        """

    def verdicts_given(self, method: str, verdict: str, count: int) -> None:
        """This many tokens of one call got this verdict: ACCEPTED, UNDECIDED, or the reason."""

    def session_created(self, source: SessionSource) -> None:
        """A session was opened."""

    def sessions_ended(self, cause: str, count: int) -> None:
        """So many sessions were ended; those that expire are not told of."""

    def token_refreshed(self, outcome: str) -> None:
        """A refresh came to its end: ROTATED, ADOPTED, REPLAYED, or the reason why not."""

    def exchange_tried(self, issuer: str, outcome: ExchangeOutcome) -> None:
        """A provider was asked to exchange a refresh token."""

    def exchanged_ahead(self, issuer: str, outcome: str) -> None:
        """A provider was, or was to be, asked for tokens before anybody needed them."""

    def scopes_widened(self, issuer: str) -> None:
        """A provider has given a session's access token scopes that the session's login had not."""

    def rotation_contradicted(self, issuer: str, refresh_token: RefreshTokenFate) -> None:
        """An exchange brought a refresh token where none was to come, or none where one was to."""

    def refresh_life_unread(self, issuer: str) -> None:
        """A token endpoint said of the life of a refresh token what is no number of seconds."""

    def provider_erred(self, issuer: str, error: str) -> None:
        """A token or revocation endpoint answered with this error code of OAuth, or `other`."""

    def log_resynced(self, why: str) -> None:
        """The revocation log did not go on where it was read to, and was read again from its start.

        `why` is INCARNATION, REGRESSED, DIVERGED or TRIMMED.
        """

    def store_regressed(self) -> None:
        """The store was seen to have lost, or perhaps lost, revocations that it had acknowledged."""

    def revocations_reasserted(self, count: int) -> None:
        """So many revocations that the store had lost were written there again."""

    def store_run_changed(self) -> None:
        """The store was seen in another run than before: it was restarted, or another has taken its place."""

    def embedded_store_died(self) -> None:
        """The store that this server runs itself has died; it is started again."""

    def key_set_fetched(self, issuer: str, outcome: str) -> None:
        """An issuer was asked for its key set."""

    def workload_token_judged(self, issuer: str, outcome: str) -> None:
        """The token of a workload was looked at: ACCEPTED, or why it shows no caller, or not now.

        `issuer` is `unknown` where it names none that is configured.
        """

    def rate_limited(self, activity: str, per: str) -> None:
        """Something was refused because it was done too often."""

    def key_missing(self, kind: str) -> None:
        """A session needed a key of ours that is not here: a pepper, or a sealing key."""

    def store_called(self, script: str, seconds: float) -> None:
        """The store has run a script, or did not answer."""

    def store_failed(self, script: str, kind: StoreErrorKind) -> None:
        """The store did not carry out a script, or another command, which is `none`.

        `refused` stands for every answer that it gave instead of doing so.
        """

    def watch_event_sent(self, event: str) -> None:
        """A watcher was sent an event of this kind: Started, Event, Freshness or Reset."""

    def watch_ended(self, outcome: str) -> None:
        """A watch came to its end: OK, CANCELLED, or the reason why."""

    def gauge(self, name: str, meaning: str, read: Callable[[], float], **labels: str) -> None:
        """Show a number that is read whenever it is asked for; one name has the same labels everywhere."""

    def counter(self, name: str, meaning: str, read: Callable[[], float], **labels: str) -> None:
        """The same for what is counted elsewhere, and only grows; the name ends with `_total`."""

    def loop_delayed(self, seconds: float) -> None:
        """A timer of the event loop fired this many seconds later than it should."""

    def stood_still(self, seconds: float) -> None:
        """This process stood still for so long; the time in which the machine slept counts too."""

    def work_failed(self, work: str) -> None:
        """Work in the background, by its name, ended although it has no end."""

    def http_refused(self, cause: HttpRefusal) -> None:
        """A connection to the HTTP port was cut, or a request was none."""
