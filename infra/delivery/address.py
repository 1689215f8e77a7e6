"""Where outward requests may go: addresses that users chose must not lead into the network this program stands in."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from domain.refusal import Invalid

MAX_URL = 2_000

_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
# What URL parsers take for the end of an IPv4 address, however it is written.
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_MAX_HOST = 253
_MAX_PORT = 65_535

# Registered as special purpose (RFC 6890, RFC 7526), which older Pythons do not all know.
_SPECIAL_4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_UNICAST = IPv6Network("2000::/3")
# Teredo and others, 6to4, documentation; the first two would carry a private address inside a public one.
_SPECIAL_6 = (IPv6Network("2001::/23"), IPv6Network("2002::/16"), IPv6Network("3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")

_NO_HOST = "The address's host is neither a name nor an IP address in its usual form."
_PRIVATE = "The address must not be one of a private network."


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart: the host without brackets and in small letters, the path with its query."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def check_url(url: str, *, allow_private: bool) -> None:
    """Refuse what can be told to be no address for outward requests without resolving its host.

    Raises:
        Invalid: If it is malformed, isn't https, holds user information, or names a private address outright.
    """
    target_of(url, allow_private=allow_private)


def target_of(url: str, *, allow_private: bool) -> Target:
    """The address taken apart; the one parser, so that what is checked is what is asked.

    Raises:
        Invalid: As `check_url`.
    """
    if not url or len(url) > MAX_URL:
        raise Invalid(f"The address must have 1 to {MAX_URL} characters.", "url")
    if not all("!" <= letter <= "~" for letter in url):
        raise Invalid(
            "The address must be plain ASCII without spaces: an international name in its xn-- form, the rest "
            "percent-encoded.",
            "url",
        )
    scheme, _, rest = url.partition("://")
    secure = scheme.lower() == "https"
    if not secure and not (allow_private and scheme.lower() == "http"):
        raise Invalid("The address must start with https://.", "url")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        raise Invalid("The address must not hold a user name or password.", "url")
    parts = _AUTHORITY.fullmatch(authority)
    port = int((parts and parts["port"]) or (443 if secure else 80))
    if parts is None or not 1 <= port <= _MAX_PORT:
        raise Invalid("The address must name a host, and a port from 1 to 65535 if any.", "url")
    path = rest[len(authority) :].partition("#")[0]
    host = _host(parts["host"].lower(), allow_private=allow_private)
    return Target(secure, host, port, path if path.startswith("/") else f"/{path}")


def _host(written: str, *, allow_private: bool) -> str:
    """The host, without brackets; literal addresses in their one usual spelling only."""
    if written.startswith("[") or _NUMBER.fullmatch(written.rstrip(".").rpartition(".")[2]):
        try:
            literal = IPv6Address(written[1:-1]) if written.startswith("[") else IPv4Address(written)
        except ValueError:
            raise Invalid(_NO_HOST, "url") from None
        if not allow_private and not is_public(literal):
            raise Invalid(_PRIVATE, "url")
        return str(literal)
    if len(written) > _MAX_HOST or not all(_LABEL.fullmatch(label) for label in written.split(".")):
        raise Invalid(_NO_HOST, "url")
    if not allow_private and ("." not in written or written.endswith(".localhost")):
        raise Invalid(_PRIVATE, "url")
    return written


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address is anybody's on the public internet, and one host's."""
    if isinstance(address, IPv4Address):
        special = any(address in network for network in _SPECIAL_4)
        return address.is_global and not address.is_multicast and not special
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(address.packed[-4:]))
    return address in _UNICAST and address.is_global and not any(address in network for network in _SPECIAL_6)
