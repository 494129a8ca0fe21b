"""The descriptors of this process: whoever can open connections must not be able to use all of them up."""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Final

from sessiond_server.adapters.store.open import MAX_CONNECTIONS_OF_A_NODE
from sessiond_server.service.logger import Logger
from sessiond_server.transport.engine.grpcio import MAX_CONNECTIONS as GRPC_CONNECTIONS
from sessiond_server.transport.http.connections import MAX_CONNECTIONS as HTTP_CONNECTIONS

# Files, pipes, connections to issuers, and those that are accepted only to be closed.
_SLACK: Final = 200
_NEEDED_BESIDE_THE_STORE: Final = GRPC_CONNECTIONS + HTTP_CONNECTIONS + _SLACK
# More would never be used, and some systems have no end of them.
_MOST: Final = 65_536


def needed(*, store_nodes: int) -> int:
    """How many descriptors every connection that may be open would take."""
    return _NEEDED_BESIDE_THE_STORE + store_nodes * MAX_CONNECTIONS_OF_A_NODE


def raise_descriptor_limit(*, store_nodes: int, logger: Logger) -> None:
    """Take as many descriptors as the system lets us have, and tell how many there are."""
    wants = needed(store_nodes=store_nodes)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # The kernel may have a lower limit of its own, of which nothing is said beforehand.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    given, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if given == resource.RLIM_INFINITY or given >= wants:
        logger.info("descriptors suffice", descriptors=given, needed=wants)
    else:
        logger.warning("descriptors do not suffice for every connection", descriptors=given, needed=wants)
