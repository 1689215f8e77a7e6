"""Messages as text and as pages: whatever people typed stays text."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from infra.delivery.message import DeliveryError, Message, Section, html, one_line, plain
from tests.infra.delivery.receivers import MESSAGE

HOSTILE = """<script>alert("1")</script><img src=x onerror='a()'>&amp;"""


class Page(HTMLParser):
    """The elements, links and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.links: list[str | None] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [told for name, told in attrs if name in ("href", "src", "action")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_as_text_a_message_tells_headline_sentences_rows_and_link() -> None:
    assert plain(MESSAGE) == (
        "Acme: revenue 40% under forecast\n\n"
        "Revenue of Q2 2024 was 600,000.\nThe forecast was 1,000,000.\n\n"
        "Actual: 600,000\nForecast: 1,000,000\n\n"
        "https://drypowder.example.org/alerts/6f1c?fund=1&tab=2\n"
    )


def test_a_digest_tells_its_alerts_one_after_the_other() -> None:
    bare = Section("Second", (), (), None)
    digest = replace(MESSAGE, sections=(bare, replace(bare, headline="Third")))
    assert plain(digest) == f"Second\n\n{'-' * 40}\n\nThird\n"
    assert [text for text in Page(html(digest)).texts if text.strip()] == [MESSAGE.subject] * 2 + ["Second", "Third"]


def test_as_a_page_a_message_tells_the_same_and_links_to_the_alert() -> None:
    page = Page(html(MESSAGE))
    section = MESSAGE.sections[0]
    told = [section.headline, *section.sentences, *(word for row in section.rows for word in row)]
    assert [text for text in page.texts if text.strip()] == [MESSAGE.subject] * 2 + told
    assert page.links == [section.link]


def test_what_people_typed_is_no_markup_on_the_page() -> None:
    section = Section(HOSTILE, (HOSTILE,), ((HOSTILE, HOSTILE),), f"https://example.org/{HOSTILE}")
    written = html(Message("k", HOSTILE, (section,), {}))
    page = Page(written)
    assert page.elements == Page(html(MESSAGE)).elements
    assert page.attributes == Page(html(MESSAGE)).attributes
    assert page.texts.count(HOSTILE) == 6
    assert page.links == [f"https://example.org/{HOSTILE}"]
    assert "<script" not in written


def test_a_page_asks_for_nothing_from_elsewhere() -> None:
    written = html(MESSAGE)
    assert Page(written).elements.isdisjoint({"img", "link", "script", "iframe", "style", "form"})
    assert "url(" not in written


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", " https://example.org", "//example.org"])
def test_a_link_that_leads_to_no_web_page_is_left_out(link: str) -> None:
    message = replace(MESSAGE, sections=(replace(MESSAGE.sections[0], link=link),))
    assert Page(html(message)).links == []
    assert link.strip() not in plain(message)


def test_one_line_holds_no_breaks_or_control_characters() -> None:
    assert one_line(" a\r\nb\tc\0d\u2028e\x1b[1mf  g\ud800 ") == "a b c d e [1mf g"


def test_a_failure_says_its_reason() -> None:
    failure = DeliveryError("It is so.", permanent=True)
    assert (str(failure), failure.reason, failure.permanent, failure.pending) == ("It is so.", "It is so.", True, ())
