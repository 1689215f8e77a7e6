"""What is said outward about alerts, and how a delivery fails; one place, so that every channel says the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

_RULE = "-" * 40


class DeliveryError(Exception):
    """A message that did not arrive, or not at everybody.

    Attributes:
        reason: One sentence for a fund's manager. Of an address it holds the host alone, and never a secret.
        permanent: Whether trying again can't help.
        pending: Recipients of an e-mail whom another try may still reach; empty if that is all it was for, or if
            `permanent`.
    """

    def __init__(self, reason: str, *, permanent: bool = False, pending: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.pending = pending


@dataclass(frozen=True, slots=True)
class Section:
    """What is said about one alert: rows are a label and a figure; the link leads to the alert."""

    headline: str
    sentences: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    link: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One alert, or a digest of several.

    Attributes:
        key: The alert's id and revision, or the digest's own key: by it a receiver tells a repeat.
        data: The same for programs, made of what JSON can hold.
    """

    key: str
    subject: str
    sections: tuple[Section, ...]
    data: Mapping[str, object]


def web_link(section: Section) -> str | None:
    """The section's link if it leads to a web page; a link of another kind could run something when followed."""
    link = section.link
    return link if link is not None and link.startswith(("https://", "http://")) else None


def one_line(text: str) -> str:
    """The text with every line break, control character and run of spaces made a single space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def plain(message: Message) -> str:
    """The message as text."""
    return f"\n\n{_RULE}\n\n".join(_plain_section(section) for section in message.sections) + "\n"


def _plain_section(section: Section) -> str:
    parts = [
        section.headline,
        "\n".join(section.sentences),
        "\n".join(f"{label}: {figure}" for label, figure in section.rows),
        web_link(section) or "",
    ]
    return "\n\n".join(part for part in parts if part)


def html(message: Message) -> str:
    """The message as a page that needs nothing from elsewhere.

    It sets no colour of its own, so that mail programs show it as light or dark as the rest.
    """
    subject = escape(message.subject)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{subject}</title>\n</head>\n"
        '<body style="margin:0 auto;max-width:40rem;padding:1rem;font:15px/1.5 system-ui,sans-serif">\n'
        f'<h1 style="font-size:1.3rem;margin:0 0 1rem">{subject}</h1>\n'
        + "".join(_html_section(section) for section in message.sections)
        + "</body>\n</html>\n"
    )


def _html_section(section: Section) -> str:
    headline, link = escape(section.headline), web_link(section)
    if link is not None:
        headline = f'<a href="{escape(link)}">{headline}</a>'
    sentences = "".join(f'<p style="margin:0 0 .5rem">{escape(sentence)}</p>\n' for sentence in section.sentences)
    rows = "".join(
        '<tr><th scope="row" style="text-align:left;font-weight:normal;opacity:.75;padding:.2rem 1rem .2rem 0">'
        f'{escape(label)}</th><td style="padding:.2rem 0">{escape(figure)}</td></tr>\n'
        for label, figure in section.rows
    )
    table = f'<table style="border-collapse:collapse">\n{rows}</table>\n' if rows else ""
    return (
        '<section style="border-top:1px solid rgba(128,128,128,.4);padding:1rem 0">\n'
        f'<h2 style="font-size:1.1rem;margin:0 0 .5rem">{headline}</h2>\n'
        f"{sentences}{table}</section>\n"
    )
