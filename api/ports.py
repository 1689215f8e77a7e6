"""Ports to listen on."""

import errno
import socket

from api.command import CommandError


def free_port(host: str, port: int) -> int:
    """The port, found to be free, or for 0 one that is.

    Raises:
        CommandError: If nothing can listen there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            found: int = probe.getsockname()[1]
            return found
    except OSError as fault:
        if fault.errno == errno.EADDRINUSE:
            message = f"port {port} on {host} is taken; choose another with --port, or PORT in the environment"
        else:
            message = f"can't listen on port {port} of {host}: {fault.strerror}"
        raise CommandError(message) from fault
