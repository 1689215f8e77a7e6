"""The server that e-mail leaves by, from the two settings that describe it."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

MAX_ADDRESS = 254
"""Characters (RFC 5321, 4.5.3.1.3, as corrected by erratum 1690)."""

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@)(?:{_LOCAL})@(?:{_LABEL}\.)*{_LABEL}")
_NAMED = re.compile(r'\s*(?:"(?P<quoted>[^"<>\\]*)"|(?P<bare>[^"<>\\]*?))\s*<(?P<address>[^<>]*)>\s*')
_HOST = re.compile(r"[A-Za-z0-9._:-]+")


class Security(StrEnum):
    """How the connection is kept private."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


_PORTS = {Security.NONE: 25, Security.STARTTLS: 587, Security.TLS: 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server, how to sign in there, and whom messages come from."""

    host: str
    port: int
    security: Security
    username: str | None
    password: str | None = field(repr=False)
    sender: str
    sender_name: str = ""


def is_mail_address(text: str) -> bool:
    """Whether the text is a bare address of a public name: ASCII, without display name, quotes or comments."""
    return _is_address(text) and "." in text.rpartition("@")[2]


def _is_address(text: str) -> bool:
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None


def smtp_server(url: str, sender: str) -> SmtpServer:
    """The server that SMTP_URL names, sending as SMTP_SENDER.

    The address is smtp:// or smtps://, user name and password percent-encoded. For smtp://, `?starttls=required` and
    `?starttls=never` say whether the connection is made private; it must be if there is a password and neither is said.

    Raises:
        ValueError: If one of them is malformed; the sentence says which and how, and holds nothing of either.
    """
    parts, port = _split(url)
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError("SMTP_URL must name the mail server's host.")
    if parts.path not in ("", "/") or parts.fragment:
        raise ValueError("SMTP_URL must end after host and port; a / or # in the password is written %2F or %23.")
    if (parts.username is None) != (parts.password is None) or parts.username == "":
        raise ValueError("SMTP_URL must hold both a user name and a password, or neither.")
    name, address = _named(sender)
    security = _security(parts)
    return SmtpServer(
        host=parts.hostname,
        port=port or _PORTS[security],
        security=security,
        username=None if parts.username is None else _decoded(parts.username),
        password=None if parts.password is None else _decoded(parts.password),
        sender=address,
        sender_name=name,
    )


def _split(url: str) -> tuple[SplitResult, int | None]:
    if not all("!" <= letter <= "~" for letter in url):
        raise ValueError("SMTP_URL must be plain ASCII without spaces; anything else is percent-encoded.")
    if not url.startswith(("smtp://", "smtps://")):
        raise ValueError("SMTP_URL must start with smtp:// or smtps://.")
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        # What it says holds a piece of the address, which may be the password's.
        raise ValueError(
            "SMTP_URL can't be read as user:password@host:port; characters such as / ? # @ : [ ] in the user name or "
            "password must be percent-encoded."
        ) from None


def _security(parts: SplitResult) -> Security:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    starttls = options.pop("starttls", None)
    if options:
        raise ValueError("SMTP_URL may hold no option but starttls; a ? in the password is written %3F.")
    if parts.scheme == "smtps":
        if starttls is not None:
            raise ValueError("SMTP_URL with smtps:// is private from the start and takes no starttls.")
        return Security.TLS
    if starttls not in (None, "required", "never"):
        raise ValueError("SMTP_URL's starttls must be required or never.")
    if starttls == "required" or (starttls is None and parts.password is not None):
        return Security.STARTTLS
    return Security.NONE


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("SMTP_URL's user name and password must be UTF-8, percent-encoded.") from None


def _named(sender: str) -> tuple[str, str]:
    """The sender's name, if any, and address."""
    parts = _NAMED.fullmatch(sender)
    name, address = ("", sender) if parts is None else (parts["quoted"] or parts["bare"] or "", parts["address"])
    # A machine's own name will do for whom nobody answers, such as drypowder@localhost.
    if not _is_address(address) or not name.isprintable():
        raise ValueError("SMTP_SENDER must be an e-mail address, or a name and an address: Drypowder <a@example.org>.")
    return name, address
