"""`python -m tests.system.forked FD`: runs commands, each forked from this process, which has loaded what they share.

So a test that needs a command's outcome need not wait for Python and its imports; tests of the command itself start it.
"""

import json
import os
import socket
import sys
from importlib import import_module
from typing import NoReturn

LOADED = ("api.cli", "infra.runtime")
MOST = 1 << 16
"""Bytes of a request or answer."""


def main() -> None:
    """Answers each request, arguments and environment and where to write, with the exit code, until nobody asks."""
    for name in LOADED:
        import_module(name)
    line = socket.socket(fileno=int(sys.argv[1]))
    while True:
        request, descriptors, _, _ = socket.recv_fds(line, MOST, 2)
        if not request:
            return
        child = os.fork()
        if not child:
            _become(*json.loads(request), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _, status = os.waitpid(child, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(words: list[str], environment: dict[str, str], out: int, err: int) -> NoReturn:
    from api.cli import main as command

    os.environ.clear()
    os.environ.update(environment)
    for descriptor, place in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(descriptor, place)
    sys.argv[1:] = words
    try:
        command()
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
    os._exit(70)


if __name__ == "__main__":
    main()
