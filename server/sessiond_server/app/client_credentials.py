"""Our clients at providers, and what proves there that they are ours."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from sessiond_server.adapters.http.client_credentials import (
    ClientCredentials,
    ClientProof,
    NoProof,
    SharedSecret,
    SignedAssertion,
)
from sessiond_server.adapters.jwt.client_assertion import AlgorithmUnfitError, AssertionKey, ClientAssertions
from sessiond_server.adapters.jwt.verification import KeyUnfitError
from sessiond_server.adapters.secrets.key_files import KeyFileError, read_private_file
from sessiond_server.adapters.secrets.watched import Watched
from sessiond_server.config.client_settings import ClientSettings
from sessiond_server.config.settings import IssuerSettings
from sessiond_server.service.clock import Clock
from sessiond_server.service.logger import Logger

# The issuer, and the client's id there.
ClientName: TypeAlias = tuple[str, str]
AnyClientSettings: TypeAlias = IssuerSettings | ClientSettings


@dataclass(frozen=True, slots=True, repr=False)
class ClientSecrets:
    """The secrets of our clients, and their private keys; each is asked for whenever it is needed."""

    secrets: Mapping[ClientName, Callable[[], str]] = field(default_factory=dict)
    keys: Mapping[ClientName, Callable[[], AssertionKey]] = field(default_factory=dict)


def clients_of(issuers: Iterable[IssuerSettings]) -> Iterator[tuple[str, ClientName, AnyClientSettings]]:
    """Our clients: where each stands in the configuration, its name, and what is said of it."""
    for index, issuer in enumerate(issuers):
        at = f"issuers[{index}]"
        yield at, (issuer.issuer, issuer.client_id or ""), issuer
        for number, client in enumerate(issuer.clients):
            yield f"{at}.clients[{number}]", (issuer.issuer, client.client_id), client


def watched_key(file: Path, client: AnyClientSettings, *, logger: Logger) -> Watched[AssertionKey]:
    """A client's private key, read again when the file changes; raises `KeyFileError`."""
    algorithm, key_id = client.client_key_algorithm, client.client_key_id

    def read() -> AssertionKey:
        try:
            return AssertionKey.from_pem(read_private_file(file), algorithm=algorithm, key_id=key_id)
        except AlgorithmUnfitError as error:
            fitting = ", ".join(error.fitting)
            raise KeyFileError(f"{file}: a key that signs with {fitting}, and not {algorithm}") from None
        except KeyUnfitError as error:
            raise KeyFileError(f"{file}: {error}") from None

    return Watched((file,), read, logger=logger)


def can_hold_sessions(settings: IssuerSettings) -> bool:
    """Whether an issuer has a client of ours, and a token endpoint."""
    return bool(settings.client_id and (settings.token_url or settings.discovery))


def credentials_of(
    settings: IssuerSettings, secrets: ClientSecrets, *, clock: Clock
) -> tuple[ClientCredentials, ...]:
    """Our clients at a provider; none where it has no token endpoint."""
    if not can_hold_sessions(settings):
        return ()
    return tuple(
        ClientCredentials(name[1], _proof(name, settings, client, secrets, clock))
        for _, name, client in clients_of((settings,))
    )


def _proof(
    name: ClientName,
    settings: IssuerSettings,
    client: AnyClientSettings,
    secrets: ClientSecrets,
    clock: Clock,
) -> ClientProof:
    issuer, client_id = name
    if name in secrets.keys:
        assertions = ClientAssertions(
            client_id, secrets.keys[name], now=clock.now, randomness=randomness.token_bytes
        )
        return SignedAssertion(issuer, assertions, settings.client_key_audience)
    if name in secrets.secrets:
        return SharedSecret(secrets.secrets[name], uses_basic=client.client_auth == "basic")
    return NoProof()
