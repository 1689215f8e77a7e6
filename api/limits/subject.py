"""Whose share an operation or a connection is of."""

from ipaddress import IPv6Address, ip_address, ip_network

from api.context import Context

NETWORK_BITS = 64
"""Of an IPv6 address that tell one customer of a network from others."""


def subject(context: Context) -> str:
    """A person's, or, without a good token, that of the address asked from."""
    if context.admitted is not None:
        return f"person:{context.admitted.person.id}"
    return f"address:{network(context.client)}"


def network(client: str | None) -> str:
    """An address as far as it tells one customer from others."""
    try:
        address = ip_address(client or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ip_network((address, NETWORK_BITS), strict=False).network_address)
    return str(address)
