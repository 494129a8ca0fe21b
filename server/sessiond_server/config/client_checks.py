"""What has to hold of our clients at an issuer."""

from __future__ import annotations

from collections.abc import Iterator

from sessiond_server.config.client_settings import ClientSettings
from sessiond_server.config.problems import Problem, repeated
from sessiond_server.config.settings import IssuerSettings


def client_problems_of(issuer: IssuerSettings, at: str) -> Iterator[Problem]:
    """Every contradiction in what an issuer's table, which is at `at`, says of our clients there."""
    for name in ("client_secret_file", "client_key_file", "clients"):
        if getattr(issuer, name) and not issuer.client_id:
            found = f"nothing, with {'clients' if name == 'clients' else f'a {name}'}"
            yield Problem(f"{at}.client_id", found, "our client id at the issuer")
    client_ids = (client.client_id for client in issuer.clients)
    yield from repeated(f"{at}.clients", "client_id", filter(None, (issuer.client_id, *client_ids)))
    yield from _proof(issuer, at)
    for index, client in enumerate(issuer.clients):
        yield from _proof(client, f"{at}.clients[{index}]")


def _proof(client: IssuerSettings | ClientSettings, at: str) -> Iterator[Problem]:
    if client.client_key_file and client.client_secret_file:
        yield Problem(f"{at}.client_key_file", "a key beside a client_secret_file", "one of the two")
    # A preset may say with what a key signs, and for whom, whether or not there is one.
    if client.client_key_id and not client.client_key_file:
        yield Problem(f"{at}.client_key_id", "a name, without a client_key_file", "the key that it names")
