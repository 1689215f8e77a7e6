"""Requests to addresses that others chose: guarded, so that none reaches into the network this program stands in."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import cache
from ipaddress import ip_address
from typing import Self, TypeAlias

import httpcore

from domain.refusal import Invalid
from infra.delivery.address import Target, is_public, target_of
from infra.delivery.message import DeliveryError

CONNECT_SECONDS = 5.0
"""For resolving and connecting, and again for the TLS handshake."""
WHOLE_SECONDS = 15.0
ANSWER_BYTES = 64 * 1024

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, the preferred one first."""

_MOST_TRIED = 4

_BROKEN = (httpcore.NetworkError, httpcore.RemoteProtocolError, httpcore.TimeoutException, OSError)

_TAKEN = range(200, 300)
_REDIRECT = range(300, 400)
_REFUSED = range(400, 500)
_TRY_LATER = frozenset({408, 425, 429})

# Apart from the loop's own threads: a name server that hangs must hold up nothing else.
_lookups = ThreadPoolExecutor(max_workers=16, thread_name_prefix="lookup")


async def looked_up(host: str, port: int) -> Sequence[str]:
    """The host's addresses as this machine resolves it.

    Raises:
        OSError: If it can't be resolved.
    """
    found = await asyncio.get_running_loop().run_in_executor(
        _lookups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return [str(place[0]) for *_, place in found]


class _Vetting(httpcore.AsyncNetworkBackend):
    """Connects to the very addresses it has resolved and vetted: nothing resolves the host a second time."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._network = httpcore.AnyIOBackend()
        self._opened: list[httpcore.AsyncNetworkStream] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        # httpcore forgets a connection whose TLS handshake is cancelled.
        for stream in self._opened:
            await stream.aclose()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first of the host's public addresses that answers.

        Raises:
            DeliveryError: If the host can't be resolved or has no public address.
            httpcore.ConnectError: If none of them takes the connection.
            httpcore.ConnectTimeout: If that takes more than `timeout`.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + (CONNECT_SECONDS if timeout is None else timeout)
        try:
            async with asyncio.timeout_at(deadline):
                addresses = (await self._vetted(host, port))[:_MOST_TRIED]
        except TimeoutError:
            raise DeliveryError(f"The name {host} could not be resolved in time.") from None
        failure: Exception | None = None
        for tried, address in enumerate(addresses):
            share = (deadline - clock()) / (len(addresses) - tried)
            try:
                stream = await self._network.connect_tcp(address, port, share, local_address, socket_options)
                self._opened.append(stream)
                return stream
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as fault:
                failure = fault
        assert failure is not None, "there was an address to try"
        raise failure

    async def _vetted(self, host: str, port: int) -> list[str]:
        try:
            addresses = [ip_address(address) for address in await self._resolve(host, port)]
        except OSError as fault:
            raise DeliveryError(f"The name {host} can't be resolved.") from fault
        if not addresses:
            raise DeliveryError(f"{host} has no address.")
        vetted = [str(address) for address in addresses if self._allow_private or is_public(address)]
        if not vetted:
            raise DeliveryError(f"{host} leads into a private network, where nothing is sent.", permanent=True)
        return vetted


@cache
def _trusted() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allow_private: bool,
    resolve: Resolve = looked_up,
    ssl_context: ssl.SSLContext | None = None,
    connect_seconds: float = CONNECT_SECONDS,
    whole_seconds: float = WHOLE_SECONDS,
    answer_bytes: int = ANSWER_BYTES,
) -> int:
    """Send `body` to the address, directly and once, and give the status from 200 to 299 that it was taken with.

    The status alone decides. Of the answer's body no more than `answer_bytes` is read, and only because a receiver may
    drop its work when its answer isn't.

    Args:
        allow_private: Also takes http:// and hosts on a private network.

    Raises:
        DeliveryError: If it was not taken.
    """
    target = _target(url, allow_private=allow_private)
    network = _Vetting(resolve, allow_private=allow_private)
    asked = _asked("POST", target, headers, body, network, ssl_context, connect_seconds)
    status = None
    try:
        async with asyncio.timeout(whole_seconds), network, asked as answer:
            status = answer.status
            await _read(answer, answer_bytes)
    except _BROKEN as fault:
        if status is None:
            raise DeliveryError(_failure(target.host, fault, whole_seconds)) from fault
    assert status is not None, "without a status there was a failure"
    _judge(target.host, status)
    return status


async def get(
    url: str,
    *,
    allow_private: bool,
    resolve: Resolve = looked_up,
    ssl_context: ssl.SSLContext | None = None,
    whole_seconds: float = WHOLE_SECONDS,
    answer_bytes: int = ANSWER_BYTES,
) -> bytes:
    """The body that the address answers with, asked directly and once.

    Args:
        allow_private: Also takes http:// and hosts on a private network.

    Raises:
        DeliveryError: If there is none, or one of more than `answer_bytes`.
    """
    target = _target(url, allow_private=allow_private)
    network = _Vetting(resolve, allow_private=allow_private)
    asked = _asked("GET", target, {}, None, network, ssl_context, CONNECT_SECONDS)
    body = bytearray()
    try:
        async with asyncio.timeout(whole_seconds), network, asked as answer:
            _judge(target.host, answer.status)
            async for part in answer.aiter_stream():
                body += part
                if len(body) > answer_bytes:
                    raise DeliveryError(f"{target.host} answered with more than {answer_bytes} bytes.")
    except _BROKEN as fault:
        raise DeliveryError(_failure(target.host, fault, whole_seconds)) from fault
    return bytes(body)


def _target(url: str, *, allow_private: bool) -> Target:
    try:
        return target_of(url, allow_private=allow_private)
    except Invalid as refusal:
        raise DeliveryError(refusal.message, permanent=True) from None


@asynccontextmanager
async def _asked(
    method: str,
    target: Target,
    headers: Mapping[str, str],
    body: bytes | None,
    network: _Vetting,
    ssl_context: ssl.SSLContext | None,
    connect_seconds: float,
) -> AsyncIterator[httpcore.Response]:
    pool = httpcore.AsyncConnectionPool(ssl_context=ssl_context or _trusted(), network_backend=network)
    where = httpcore.URL(
        scheme="https" if target.secure else "http", host=target.host, port=target.port, target=target.path
    )
    sent = {"host": target.authority, "user-agent": "Drypowder", "connection": "close"} | dict(headers)
    asked = pool.stream(
        method, where, headers=list(sent.items()), content=body, extensions={"timeout": {"connect": connect_seconds}}
    )
    async with pool, asked as answer:
        yield answer


async def _read(answer: httpcore.Response, most: int) -> None:
    with suppress(httpcore.NetworkError, httpcore.RemoteProtocolError):
        async for part in answer.aiter_stream():
            most -= len(part)
            if most <= 0:
                return


def _failure(host: str, fault: Exception, seconds: float) -> str:
    # httpcore carries what it met in place of a message.
    met = fault.args[0] if fault.args else None
    if isinstance(met, ssl.SSLCertVerificationError):
        return f"The certificate of {host} can't be trusted: {met.verify_message}."
    if isinstance(met, ssl.SSLError) or isinstance(fault, ssl.SSLError):
        return f"No secure connection to {host} could be made."
    if isinstance(fault, (httpcore.ConnectError, httpcore.ConnectTimeout)):
        return f"{host} can't be reached."
    if isinstance(fault, TimeoutError):
        return f"{host} did not answer within {seconds:g} seconds."
    return f"{host} broke off, or answered with something that isn't HTTP."


def _judge(host: str, status: int) -> None:
    if status in _TAKEN:
        return
    if status in _REDIRECT:
        raise DeliveryError(f"{host} answered with a redirect ({status}), and redirects aren't followed.")
    permanent = status in _REFUSED and status not in _TRY_LATER
    raise DeliveryError(f"{host} answered with status {status}.", permanent=permanent)
