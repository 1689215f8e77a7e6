"""Addresses that users choose: every spelling of a private one is refused."""

from ipaddress import ip_address

import pytest

from domain.refusal import Invalid
from infra.delivery.address import MAX_URL, check_url, is_public, target_of

PRIVATE_URLS = (
    # This machine, in all its spellings.
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/x",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7F.0.0.1/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://127.0.0.1./",
    "https://127.0.0.0x1/",
    "https://256.256.256.256/",
    "https://1.2.3.4.5/",
    "https://0/",
    "https://0x/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://localhost.localdomain./",
    "https://any.localhost/",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b:1::127.0.0.1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    # Digits and dots that aren't ASCII's.
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://①②⑦.0.0.1/",
    "https://ⓛocalhost/",
    "https://%31%32%37.0.0.1/",
    # Private networks, shared and link-local space, metadata services, broadcast and groups.
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.0.0.192/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::10.0.0.1]/",
    "https://intranet/",
)

MALFORMED_URLS = (
    "",
    "https://",
    "https:///path",
    "https:/example.org",
    "https:example.org",
    "example.org/hook",
    "//example.org/hook",
    "http:///x",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "https+unix://example.org/",
    " https://example.org/",
    "https://example.org/a b",
    "https://exa\tmple.org/",
    "https://example.org/\r\nhost: x",
    "https://example.org\\@example.com/",
    "https://example.org\\.example.com/",
    "https://user@example.org/",
    "https://user:secret@example.org/",
    "https://@example.org/",
    "https://example.org:443@127.0.0.1/",
    "https://example.org:0/",
    "https://example.org:65536/",
    "https://example.org:80:80/",
    "https://example.org:-1/",
    "https://example.org:8o/",
    "https://example.org:/:80/".replace("/:", "x/:"),
    "https://.example.org/",
    "https://example..org/",
    "https://example.org./",
    "https://-example.org/",
    "https://example-.org/",
    f"https://{'a' * 64}.org/",
    f"https://{'a.' * 130}org/",
    "https://bücher.example/",
    "https://[::1/",
    "https://::1/",
    "https://[::1]x/",
    "https://[fe80::1%25eth0]/",
    "https://[1.2.3.4]/",
    "https://[example.org]/",
    "https://[]/",
    "https://*.example.org/",
    f"https://example.org/{'a' * MAX_URL}",
)


@pytest.mark.parametrize("url", PRIVATE_URLS)
def test_a_private_address_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_url(url, allow_private=False)
    assert refused.value.path == ("url",)


@pytest.mark.parametrize("url", MALFORMED_URLS)
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_malformed_address_is_refused_even_where_private_ones_are_allowed(url: str, allow_private: bool) -> None:
    with pytest.raises(Invalid) as refused:
        check_url(url, allow_private=allow_private)
    assert refused.value.path == ("url",)
    assert "secret" not in refused.value.message


def test_plain_http_is_refused_unless_private_addresses_are_allowed() -> None:
    with pytest.raises(Invalid, match="https://"):
        check_url("http://example.org/", allow_private=False)
    check_url("http://example.org/", allow_private=True)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://receiver/", "https://[::1]/", "https://10.0.0.1/"])
def test_private_addresses_in_their_usual_form_pass_where_they_are_allowed(url: str) -> None:
    check_url(url, allow_private=True)


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "127.0.0.1.", "１２７.0.0.1"])
def test_unusual_spellings_are_refused_even_where_private_addresses_are_allowed(host: str) -> None:
    with pytest.raises(Invalid):
        check_url(f"http://{host}/", allow_private=True)


@pytest.mark.parametrize(
    ("url", "authority", "port", "path"),
    [
        ("https://Hooks.Example.org", "hooks.example.org", 443, "/"),
        ("HTTPS://example.org:443/a/b?c=d&e#f", "example.org", 443, "/a/b?c=d&e"),
        ("https://example.org:8443?c=d", "example.org:8443", 8443, "/?c=d"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
        ("https://a_b.example.org/@x", "a_b.example.org", 443, "/@x"),
        ("https://1e100.net/", "1e100.net", 443, "/"),
        ("https://93.184.216.34/", "93.184.216.34", 443, "/"),
        ("https://[2606:4700:0::1111]:8443/", "[2606:4700::1111]:8443", 8443, "/"),
        ("https://[64:ff9b::93.184.216.34]/", "[64:ff9b::5db8:d822]", 443, "/"),
    ],
)
def test_a_public_address_is_taken_apart(url: str, authority: str, port: int, path: str) -> None:
    target = target_of(url, allow_private=False)
    assert (target.secure, target.authority, target.port, target.path) == (True, authority, port, path)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_an_address_of_the_public_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["fe80::1%eth0", "2002:808:808::1", "2001:0:1::1", "3fff::1", "5f00::1", "4000::1", "192.0.0.9", "239.1.1.1"],
)
def test_an_address_for_a_special_purpose_is_not(address: str) -> None:
    assert not is_public(ip_address(address))
