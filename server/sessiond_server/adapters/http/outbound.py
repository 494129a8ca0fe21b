"""The one way out: HTTP under limits of time, size and address."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self, TypeAlias

import aiohttp

from sessiond_server.adapters.http.public_addresses import is_callable
from sessiond_server.service.logger import Logger
from sessiond_server.service.tracing import RequestTrace

DOCUMENT_SECONDS: Final = 3.0
TOKEN_SECONDS: Final = 10.0
_CONNECT_SECONDS: Final = 2.5
_MAX_CONNECTIONS: Final = 128
_MAX_BODY_BYTES: Final = 256 << 10
_REDIRECTS: Final = range(300, 400)
_NOT_MODIFIED: Final = 304


# Traces a request, by its method and its address, for as long as the context is open.
TraceRequest: TypeAlias = Callable[[str, str], AbstractContextManager[RequestTrace]]


class Failed(Enum):
    """Why there is no reply; the name is a metric's label."""

    REFUSED_ADDRESS = "the address is not one that may be called"
    NAME_UNKNOWN = "the host's name has no address"
    NOBODY_LISTENS = "the connection is refused: nobody listens there"
    NOT_CONNECTED = "no connection in time"
    UNREACHABLE = "no way there"
    CERTIFICATE_UNTRUSTED = "TLS: the certificate is of no authority that is trusted here"
    CERTIFICATE_EXPIRED = "TLS: the certificate has expired, or is not valid yet"
    CERTIFICATE_OF_ANOTHER = "TLS: the certificate is for another host"
    NO_TLS = "TLS: there is none, or none that is accepted here"
    NO_REPLY = "connected, and not answered in time"
    CLOSED = "connected, and closed before there was an answer in full"
    REDIRECTED = "a redirect, which is never followed"
    TOO_LARGE = "more than 256 KiB"
    ENCODED = "a content encoding that was not asked for"

    @property
    def was_sent(self) -> bool:
        """Whether the other side may have got the request."""
        return self in {
            Failed.NO_REPLY,
            Failed.CLOSED,
            Failed.REDIRECTED,
            Failed.TOO_LARGE,
            Failed.ENCODED,
        }


# By OpenSSL's numbers (X509_V_ERR_…): not valid yet, expired, and another host's name or address.
_CERTIFICATE_FAULTS: Final[Mapping[int, Failed]] = MappingProxyType(
    {
        9: Failed.CERTIFICATE_EXPIRED,
        10: Failed.CERTIFICATE_EXPIRED,
        62: Failed.CERTIFICATE_OF_ANOTHER,
        64: Failed.CERTIFICATE_OF_ANOTHER,
    }
)


@dataclass(frozen=True, slots=True, repr=False)
class HttpResponse:
    """An answer, read in full; header names as `aiohttp` compares them, without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _RefusedAddressError(OSError):
    """The connector was about to call an address that may not be called."""


class Outbound:
    """Calls one issuer's addresses; it is to be closed.

    It follows no redirect, keeps no cookie, asks no proxy of the environment and accepts no compression.
    `authorities` is a file with those that alone vouch for the issuer, PEM; by default the machine's do. A
    `trace` is told of each request; its headers, which an issuer would see, say nothing of that.
    """

    def __init__(
        self,
        *,
        allow_http: bool,
        allowed_networks: Collection[str],
        logger: Logger,
        authorities: Path | None = None,
        trace: TraceRequest | None = None,
    ) -> None:
        self._allow_loopback = allow_http
        self._schemes = ("https://", "http://") if allow_http else ("https://",)
        self._allowed = tuple(map(ipaddress.ip_network, allowed_networks))
        self._logger = logger
        self._authorities = authorities
        self._trace = trace
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            # After a failure on a connection that had gone stale, nobody could say whether a token was spent.
            force_close=True,
            limit=_MAX_CONNECTIONS,
            ttl_dns_cache=10,
            ssl=_trusting(self._authorities),
            # The final address is judged here: aiohttp never asks its resolver about an IP literal.
            socket_factory=self._socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # Each call has a limit of its own beside this one; this one tells that nothing was sent.
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS),
            headers={"Accept-Encoding": "identity", "Accept": "application/json", "User-Agent": "sessiond"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpResponse | Failed:
        """Fetch a document."""
        return await self._call("GET", url, seconds=DOCUMENT_SECONDS, headers=headers or {})

    async def post(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str]
    ) -> HttpResponse | Failed:
        """Send a form to a token or revocation endpoint."""
        return await self._call("POST", url, seconds=TOKEN_SECONDS, headers=headers, data=dict(form))

    async def _call(
        self, method: str, url: str, *, seconds: float, **arguments: Any
    ) -> HttpResponse | Failed:
        if self._trace is None:
            return await self._send(method, url, seconds=seconds, **arguments)
        with self._trace(method, url) as traced:
            found = await self._send(method, url, seconds=seconds, **arguments)
            if isinstance(found, Failed):
                traced.failed(found.name)
            else:
                traced.answered(found.status)
            return found

    async def _send(
        self, method: str, url: str, *, seconds: float, **arguments: Any
    ) -> HttpResponse | Failed:
        if self._session is None:
            raise RuntimeError("used outside its context")
        if not url.startswith(self._schemes):
            return Failed.REFUSED_ADDRESS
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(method, url, allow_redirects=False, **arguments) as response,
            ):
                return await _read(response)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            return _to_failed(error)

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, sockaddr = address
        if not is_callable(str(sockaddr[0]), allowed=self._allowed, loopback=self._allow_loopback):
            self._logger.error("an issuer's address is not one that may be called", address=str(sockaddr[0]))
            raise _RefusedAddressError("refused")
        return socket.socket(family, kind, protocol)


def _trusting(authorities: Path | None) -> ssl.SSLContext:
    """Trust those in the file alone: nobody, where none can be read from it."""
    if authorities is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def _read(response: aiohttp.ClientResponse) -> HttpResponse | Failed:
    if response.status in _REDIRECTS and response.status != _NOT_MODIFIED:
        return Failed.REDIRECTED
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        return Failed.ENCODED
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            return Failed.TOO_LARGE
    return HttpResponse(response.status, response.headers, bytes(body))


def _to_failed(error: Exception) -> Failed:
    match error:
        case aiohttp.ClientConnectorError():
            return _to_connection_fault(error)
        case aiohttp.ConnectionTimeoutError():
            return Failed.NOT_CONNECTED
        case aiohttp.InvalidURL():
            return Failed.REFUSED_ADDRESS
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            return Failed.CLOSED
        case _:
            return Failed.NO_REPLY


def _to_connection_fault(error: aiohttp.ClientConnectorError) -> Failed:
    match error:
        case aiohttp.ClientConnectorCertificateError(
            certificate_error=ssl.SSLCertVerificationError() as fault
        ):
            return _CERTIFICATE_FAULTS.get(fault.verify_code, Failed.CERTIFICATE_UNTRUSTED)
        case aiohttp.ClientSSLError():
            return Failed.NO_TLS
        case aiohttp.ClientConnectorDNSError():
            return Failed.NAME_UNKNOWN
    if _is_refusal(error):
        return Failed.REFUSED_ADDRESS
    is_refused = error.os_error.errno == errno.ECONNREFUSED
    return Failed.NOBODY_LISTENS if is_refused else Failed.UNREACHABLE


def _is_refusal(error: aiohttp.ClientConnectorError) -> bool:
    """Whether it was we who refused. Where a name has several addresses, their errors come joined."""
    causes = [error.os_error, *getattr(error.os_error, "exceptions", ())]
    return any(isinstance(cause, _RefusedAddressError) for cause in causes)
