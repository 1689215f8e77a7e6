"""The mail server from its two settings: each mistake is named, and never with the password."""

import pytest

from infra.delivery.mail_server import Security, SmtpServer, is_mail_address, smtp_server

SENDER = "alerts@fund.example"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example.org", ("mail.example.org", 25, Security.NONE, None, None)),
        ("smtp://localhost:1025/", ("localhost", 1025, Security.NONE, None, None)),
        ("smtp://mail.example.org?starttls=required", ("mail.example.org", 587, Security.STARTTLS, None, None)),
        (
            "smtp://u:p@mail.example.org:2525/?starttls=required",
            ("mail.example.org", 2525, Security.STARTTLS, "u", "p"),
        ),
        ("smtp://u:p@mail.example.org", ("mail.example.org", 587, Security.STARTTLS, "u", "p")),
        ("smtp://u:p@localhost:1025?starttls=never", ("localhost", 1025, Security.NONE, "u", "p")),
        ("smtps://mail.example.org", ("mail.example.org", 465, Security.TLS, None, None)),
        (
            "smtps://a%40b.c:p%2F%23%3A%C3%BC@mail.example.org:466",
            ("mail.example.org", 466, Security.TLS, "a@b.c", "p/#:ü"),
        ),
        ("smtps://[::1]:466", ("::1", 466, Security.TLS, None, None)),
    ],
)
def test_a_server_is_read_from_its_address(
    url: str, expected: tuple[str, int, Security, str | None, str | None]
) -> None:
    server = smtp_server(url, SENDER)
    assert (server.host, server.port, server.security, server.username, server.password) == expected
    assert (server.sender, server.sender_name) == (SENDER, "")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must start with"),
        ("mail.example.org:25", "must start with"),
        ("http://u:hidden@mail.example.org", "must start with"),
        ("smtp+tls://u:hidden@mail.example.org", "must start with"),
        ("smtp://", "must name the mail server's host"),
        ("smtp://u:hidden@", "must name the mail server's host"),
        ("smtp://u:hidden@mail example", "without spaces"),
        ("smtp://u:hidden@mail\r\n.example.org", "without spaces"),
        ("smtp://u:hidden@mäil.example.org", "plain ASCII"),
        ("smtp://u:hidden@mail.example.org:port", "can't be read"),
        ("smtp://u:hidden/x@mail.example.org", "can't be read"),
        ("smtp://u:hid[den@mail.example.org", "can't be read"),
        ("smtp://u:1/hidden@mail.example.org", "must end after host and port"),
        ("smtp://u:1#hidden@mail.example.org", "must end after host and port"),
        ("smtp://u:1?hidden@mail.example.org", "no option but starttls"),
        ("smtp://u:hidden@mail.example.org:99999", "can't be read"),
        ("smtp://mail.example.org/hidden", "must end after host and port"),
        ("smtp://hidden@mail.example.org", "both a user name and a password"),
        ("smtp://:hidden@mail.example.org", "both a user name and a password"),
        ("smtp://u:hidden%FF@mail.example.org", "must be UTF-8"),
        ("smtp://u:hidden@mail.example.org?starttls=maybe", "must be required or never"),
        ("smtp://u:hidden@mail.example.org?starttls=", "must be required or never"),
        ("smtps://u:hidden@mail.example.org?starttls=required", "takes no starttls"),
        ("smtp://u:hidden@mail.example.org?verify=no", "no option but starttls"),
    ],
)
def test_a_malformed_address_is_refused_without_showing_it(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL") as refused:
        smtp_server(url, SENDER)
    assert reason in str(refused.value)
    assert "hid" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        ("alerts@fund.example", "", "alerts@fund.example"),
        ("Drypowder <alerts@fund.example>", "Drypowder", "alerts@fund.example"),
        ('"Fund I, alerts" <alerts@fund.example>', "Fund I, alerts", "alerts@fund.example"),
        ("Fonds Édouard, alertes <alerts@fund.example>", "Fonds Édouard, alertes", "alerts@fund.example"),
        ("<alerts@fund.example>", "", "alerts@fund.example"),
        ("Drypowder <drypowder@localhost>", "Drypowder", "drypowder@localhost"),
    ],
)
def test_a_sender_may_have_a_name(sender: str, name: str, address: str) -> None:
    server = smtp_server("smtp://mail.example.org", sender)
    assert (server.sender_name, server.sender) == (name, address)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "Drypowder",
        "a@",
        "a@fund.example\n",
        "A\r\nBcc: x@y.example <a@fund.example>",
        "<a@fund.example> <b@fund.example>",
        "A <>",
        "A <a b@fund.example>",
    ],
)
def test_a_malformed_sender_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match="SMTP_SENDER"):
        smtp_server("smtp://mail.example.org", sender)


def test_a_server_shown_in_a_log_holds_no_password() -> None:
    server = SmtpServer("mail.example.org", 25, Security.NONE, "u", "hidden", SENDER)
    assert "hidden" not in f"{server!r} {server}"


@pytest.mark.parametrize(
    "address", ["jane@example.org", "j.d+x_y-z@sub.example.co.uk", "o'neil@example.org", "1@xn--bcher-kva.example"]
)
def test_a_bare_address_is_one(address: str) -> None:
    assert is_mail_address(address)


NOT_ADDRESSES = (
    "",
    "jane",
    "@example.org",
    "jane@",
    "jane@localhost",
    "jane@@example.org",
    "jane@example..org",
    "jane@.example.org",
    "jane@example.org.",
    "jane@-example.org",
    "jane@[127.0.0.1]",
    ".jane@example.org",
    "jane.@example.org",
    "ja..ne@example.org",
    "jane doe@example.org",
    " jane@example.org",
    "jane@example.org ",
    "jane@example.org\n",
    "jane@example.org\r\nBcc: x@example.org",
    "Jane <jane@example.org>",
    "<jane@example.org>",
    '"jane"@example.org',
    "jane(x)@example.org",
    "jane@example.org,joe@example.org",
    "jane@example.org;joe@example.org",
    "jane@exämple.org",
    "jäne@example.org",
    "jane\0@example.org",
    f"{'j' * 65}@example.org",
    f"jane@{'a' * 64}.org",
    f"jane@{'a.' * 125}org",
)


@pytest.mark.parametrize("address", NOT_ADDRESSES)
def test_what_is_more_or_less_than_a_bare_address_is_none(address: str) -> None:
    assert not is_mail_address(address)
