"""The ids of our own keys, which tell nothing of the keys: servers with the same ones go together."""

from __future__ import annotations

from sessiond_server.adapters.store.open import sealing_key_id
from sessiond_server.app.secrets import Secrets
from sessiond_server.domain.refresh_token import Pepper


def key_ids(secrets: Secrets) -> list[str]:
    """The kind and the id of each key; the first of a kind is the one that new things are made with."""
    return [
        *(f"pepper {Pepper(secret).id.hex()}" for secret in secrets.peppers),
        *(f"sealing {sealing_key_id(secret).hex()}" for secret in secrets.sealing),
        *(f"signing {key.key_id}" for key in secrets.signing_keys),
    ]
