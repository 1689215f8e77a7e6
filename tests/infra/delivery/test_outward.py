"""Guarded requests: what is sent, where it never goes, and what each failure means."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from infra.delivery.address import check_url
from infra.delivery.message import DeliveryError
from infra.delivery.outward import looked_up, post
from tests.infra.delivery.receivers import HOST, NAME, certificate, scripted, status, until_left, web_server
from tests.infra.delivery.test_address import PRIVATE_URLS

SECRET_PATH = "/hook/hidden?token=hidden"


def resolving(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """Resolves any host to these addresses, once."""
    left = [addresses]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop()

    return resolve


async def failed(url: str, **limits: float) -> DeliveryError:
    """The failure of a request where private addresses are allowed; it never shows more than the host."""
    with pytest.raises(DeliveryError) as failure:
        await post(url, b"{}", {}, allow_private=True, **limits)  # type: ignore[arg-type]
    assert "hidden" not in str(failure.value)
    return failure.value


@pytest.mark.parametrize("code", [200, 202, 204])
async def test_a_request_is_sent_whole_and_its_status_given(code: int) -> None:
    async with web_server(status(code)) as receiver:
        url = f"http://{HOST}:{receiver.port}{SECRET_PATH}"
        assert await post(url, b"body", {"content-type": "text/plain"}, allow_private=True) == code
    (request,) = receiver.requests
    assert (request.line, request.body) == (f"POST {SECRET_PATH} HTTP/1.1", b"body")
    assert request.headers["host"] == f"{HOST}:{receiver.port}"
    assert request.headers["content-type"] == "text/plain"
    assert request.headers["user-agent"] == "Drypowder"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 413, 422, 499])
async def test_a_refusal_for_good_is_permanent(code: int) -> None:
    async with web_server(status(code)) as receiver:
        failure = await failed(f"http://{HOST}:{receiver.port}{SECRET_PATH}")
    assert (failure.reason, failure.permanent) == (f"127.0.0.1 answered with status {code}.", True)


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 599, 999])
async def test_a_refusal_for_now_is_temporary(code: int) -> None:
    async with web_server(status(code)) as receiver:
        failure = await failed(f"http://{HOST}:{receiver.port}{SECRET_PATH}")
    assert (failure.reason, failure.permanent) == (f"127.0.0.1 answered with status {code}.", False)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(code: int) -> None:
    async with web_server(status(200)) as private:
        leading = status(code, f"location: http://{HOST}:{private.port}/hidden")
        async with web_server(leading) as receiver:
            failure = await failed(f"http://{HOST}:{receiver.port}{SECRET_PATH}")
    assert "redirects aren't followed" in failure.reason
    assert not failure.permanent
    assert (len(receiver.requests), private.connections) == (1, 0)


@pytest.mark.parametrize("url", PRIVATE_URLS)
async def test_nothing_is_sent_to_a_private_address_however_it_is_written(url: str) -> None:
    with pytest.raises(DeliveryError) as failure:
        await post(url, b"", {}, allow_private=False, resolve=resolving())
    assert failure.value.permanent


@pytest.mark.parametrize(
    "addresses",
    [(HOST,), ("::1",), ("10.0.0.1", "fe80::1%lo"), ("::ffff:127.0.0.1",), ("64:ff9b::7f00:1",), ("169.254.169.254",)],
)
async def test_a_name_that_leads_to_private_addresses_alone_is_refused(addresses: tuple[str, ...]) -> None:
    async with scripted(until_left) as receiver:
        url = f"https://{NAME}:{receiver.port}{SECRET_PATH}"
        check_url(url, allow_private=False)
        with pytest.raises(DeliveryError) as failure:
            await post(url, b"", {}, allow_private=False, resolve=resolving(*addresses))
    assert failure.value.permanent
    assert failure.value.reason == f"{NAME} leads into a private network, where nothing is sent."
    assert receiver.connections == 0


async def test_a_name_is_resolved_once_and_the_address_vetted_is_the_one_connected_to() -> None:
    async with web_server(status(200)) as receiver:
        url = f"http://{NAME}:{receiver.port}/"
        # A second answer isn't there to be had.
        assert await post(url, b"", {}, allow_private=True, resolve=resolving(HOST)) == 200
    assert receiver.requests[0].headers["host"] == f"{NAME}:{receiver.port}"


async def test_the_next_address_is_tried_where_one_takes_no_connection() -> None:
    async with web_server(status(200)) as receiver:
        url = f"http://{NAME}:{receiver.port}/"
        assert await post(url, b"", {}, allow_private=True, resolve=resolving("::1", HOST)) == 200


async def test_a_name_that_cannot_be_resolved_is_a_temporary_failure() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    for resolve, reason in ((unknown, f"The name {NAME} can't be resolved."), (resolving(), f"{NAME} has no address.")):
        with pytest.raises(DeliveryError) as failure:
            await post(f"https://{NAME}{SECRET_PATH}", b"", {}, allow_private=False, resolve=resolve)
        assert (failure.value.reason, failure.value.permanent) == (reason, False)


async def test_a_name_server_that_hangs_is_not_waited_for() -> None:
    async def hanging(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(DeliveryError, match="could not be resolved in time") as failure:
        await post(f"https://{NAME}/", b"", {}, allow_private=False, resolve=hanging, connect_seconds=0.05)
    assert not failure.value.permanent


async def test_this_machine_is_resolved_by_the_system() -> None:
    assert HOST in await looked_up("localhost", 80) or "::1" in await looked_up("localhost", 80)


async def test_a_port_that_takes_no_connection_is_a_temporary_failure() -> None:
    async with scripted(until_left) as receiver:
        port = receiver.port
    failure = await failed(f"http://{HOST}:{port}{SECRET_PATH}")
    assert (failure.reason, failure.permanent) == ("127.0.0.1 can't be reached.", False)


async def test_a_trusted_certificate_of_the_name_asked_for_is_taken(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    async with web_server(status(200), made.serving) as receiver:
        url = f"https://{NAME}:{receiver.port}/"
        given = await post(url, b"", {}, allow_private=True, resolve=resolving(HOST), ssl_context=made.trusting)
        assert given == 200
        assert await post(f"https://{HOST}:{receiver.port}/", b"", {}, allow_private=True, ssl_context=made.trusting)


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    async with web_server(status(200), made.serving) as receiver:
        url = f"https://other.example.org:{receiver.port}{SECRET_PATH}"
        with pytest.raises(DeliveryError) as failure:
            await post(url, b"", {}, allow_private=True, resolve=resolving(HOST), ssl_context=made.trusting)
    assert failure.value.reason.startswith("The certificate of other.example.org can't be trusted: Hostname mismatch")
    assert not failure.value.permanent
    assert receiver.requests == []


async def test_a_certificate_nobody_vouches_for_is_refused_also_where_private_addresses_are_allowed(
    tmp_path: Path,
) -> None:
    async with web_server(status(200), certificate(tmp_path).serving) as receiver:
        failure = await failed(f"https://{HOST}:{receiver.port}{SECRET_PATH}")
    assert failure.reason == "The certificate of 127.0.0.1 can't be trusted: self-signed certificate."
    assert receiver.requests == []


async def test_a_server_without_encryption_is_a_temporary_failure() -> None:
    async def unencrypted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(status(400))
        await until_left(reader, writer)

    async with scripted(unencrypted) as receiver:
        failure = await failed(f"https://{HOST}:{receiver.port}{SECRET_PATH}")
    assert (failure.reason, failure.permanent) == ("No secure connection to 127.0.0.1 could be made.", False)


async def test_a_server_that_takes_connections_and_says_nothing_is_not_waited_for() -> None:
    async with scripted(until_left) as receiver:
        plain = await failed(f"http://{HOST}:{receiver.port}{SECRET_PATH}", whole_seconds=0.1)
        secure = await failed(f"https://{HOST}:{receiver.port}{SECRET_PATH}", connect_seconds=0.5)
        in_all = await failed(f"https://{HOST}:{receiver.port}{SECRET_PATH}", whole_seconds=0.1)
    assert plain.reason == "127.0.0.1 did not answer within 0.1 seconds."
    assert secure.reason == "127.0.0.1 can't be reached."
    assert in_all.reason == plain.reason
    assert not any(failure.permanent for failure in (plain, secure, in_all))


async def test_an_answer_that_comes_byte_by_byte_is_not_waited_for() -> None:
    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx: ")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with web_server(dripping) as receiver:
        failure = await failed(f"http://{HOST}:{receiver.port}{SECRET_PATH}", whole_seconds=0.1)
    assert failure.reason == "127.0.0.1 did not answer within 0.1 seconds."


async def test_headers_without_end_are_a_temporary_failure() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while not writer.is_closing():
            writer.write(b"x: y\r\n" * 1000)
            await writer.drain()

    async with web_server(endless) as receiver:
        failure = await failed(f"http://{HOST}:{receiver.port}{SECRET_PATH}")
    assert failure.reason == "127.0.0.1 broke off, or answered with something that isn't HTTP."
    assert not failure.permanent


async def test_of_a_huge_answer_little_is_read_and_its_status_counts() -> None:
    written = 0

    async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 100_000)
            await writer.drain()
            written += 100_000

    async with web_server(huge) as receiver:
        assert await post(f"http://{HOST}:{receiver.port}/", b"", {}, allow_private=True) == 200
    # What the sockets buffer comes on top of what is read.
    assert written < 50_000_000


async def test_an_answer_without_end_counts_by_its_status() -> None:
    def stalling(code: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(f"HTTP/1.1 {code} Status\r\ncontent-length: 10\r\n\r\nxx".encode())
            await until_left(reader, writer)

        return stall

    async with web_server(stalling(200)) as receiver:
        url = f"http://{HOST}:{receiver.port}/"
        assert await post(url, b"", {}, allow_private=True, whole_seconds=0.2) == 200
    async with web_server(stalling(503)) as receiver:
        failure = await failed(f"http://{HOST}:{receiver.port}/", whole_seconds=0.2)
    assert failure.reason == "127.0.0.1 answered with status 503."


@pytest.mark.parametrize(
    "answer",
    [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", b"\0" * 99],
)
async def test_an_answer_that_is_no_http_is_a_temporary_failure(answer: bytes) -> None:
    async with web_server(answer) as receiver:
        failure = await failed(f"http://{HOST}:{receiver.port}{SECRET_PATH}")
    assert failure.reason == "127.0.0.1 broke off, or answered with something that isn't HTTP."
    assert not failure.permanent


async def test_a_body_that_breaks_off_after_its_status_was_taken_all_the_same() -> None:
    async with web_server(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nxx") as receiver:
        assert await post(f"http://{HOST}:{receiver.port}/", b"", {}, allow_private=True) == 200


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
async def test_a_proxy_of_the_environment_is_not_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted(until_left) as proxy, web_server(status(200)) as receiver:
        monkeypatch.setenv(variable, f"http://{HOST}:{proxy.port}")
        assert await post(f"http://{HOST}:{receiver.port}/", b"", {}, allow_private=True) == 200
    assert (proxy.connections, receiver.connections) == (0, 1)
