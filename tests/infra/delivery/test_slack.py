"""Slack: within its limits whatever a message holds, and nothing in it becomes markup."""

import json
from dataclasses import replace
from typing import Any

import pytest

from infra.delivery.message import DeliveryError, Message, Section
from infra.delivery.slack import payload, send
from tests.infra.delivery.receivers import HOST, MESSAGE, status, web_server

BARE = Section("Acme", (), (), None)


def blocks(*sections: Section, subject: str = "Subject") -> list[Any]:
    """The blocks of a message, checked against Slack's limits."""
    told: dict[str, Any] = payload(Message("k", subject, sections, {}))
    assert 1 <= len(told["text"]) <= 3_000
    made: list[Any] = told["blocks"]
    assert 1 <= len(made) <= 50
    assert len(made[0]["text"]["text"]) <= 150
    for block in made[1:]:
        assert "text" in block or "fields" in block or "elements" in block
        if "text" in block:
            assert 1 <= len(block["text"]["text"]) <= 3_000
        assert 1 <= len(block.get("fields", [1])) <= 10
        assert all(1 <= len(field["text"]) <= 2_000 for field in block.get("fields", []))
    return made


def test_a_message_is_a_header_and_a_section_per_alert_with_its_figures() -> None:
    assert payload(MESSAGE) == {
        "text": "Fund I: Acme is behind plan\nAcme: revenue 40% under forecast",
        "unfurl_links": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Fund I: Acme is behind plan", "emoji": False}},
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "verbatim": True,
                    "text": "*<https://drypowder.example.org/alerts/6f1c?fund=1&amp;tab=2|"
                    "Acme: revenue 40% under forecast>*\n"
                    "Revenue of Q2 2024 was 600,000.\nThe forecast was 1,000,000.",
                },
                "fields": [
                    {"type": "mrkdwn", "verbatim": True, "text": "*Actual*\n600,000"},
                    {"type": "mrkdwn", "verbatim": True, "text": "*Forecast*\n1,000,000"},
                ],
            },
        ],
    }


async def test_a_message_reaches_the_webhook_as_json() -> None:
    async with web_server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok") as receiver:
        await send(f"http://{HOST}:{receiver.port}/services/T/B/x", MESSAGE, allow_private=True)
    (request,) = receiver.requests
    assert json.loads(request.body) == payload(MESSAGE)
    assert request.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_channel_that_is_gone_is_a_permanent_failure() -> None:
    async with web_server(status(410)) as receiver:
        with pytest.raises(DeliveryError) as failure:
            await send(f"http://{HOST}:{receiver.port}/services/T/B/x", MESSAGE, allow_private=True)
    assert failure.value.permanent


def test_what_people_typed_calls_nobody_and_links_nowhere() -> None:
    hostile = "<!channel> <https://example.org|x> & <@U1>"
    escaped = "&lt;!channel&gt; &lt;https://example.org|x&gt; &amp; &lt;@U1&gt;"
    section = Section(hostile, (hostile,), ((hostile, hostile),), None)
    told: dict[str, Any] = payload(Message("k", hostile, (section,), {}))
    header, first = told["blocks"]
    assert told["text"] == f"{escaped}\n{escaped}"
    assert header["text"]["text"] == escaped
    assert first["text"]["text"] == f"*{escaped}*\n{escaped}"
    assert first["fields"][0]["text"] == f"*{escaped}*\n{escaped}"


def test_a_link_cannot_end_early() -> None:
    _, first = blocks(replace(BARE, link="https://example.org/a|b> c<d&e"))
    assert first["text"]["text"] == "*<https://example.org/a%7Cb%3E%20c%3Cd&amp;e|Acme>*"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://example.org/" + "a" * 1_000])
def test_a_link_that_leads_to_no_web_page_or_is_too_long_is_left_out(link: str) -> None:
    _, first = blocks(replace(BARE, link=link))
    assert first["text"]["text"] == "*Acme*"


@pytest.mark.parametrize("letter", ["x", "&", "<", "é", "x\n"])
def test_long_texts_are_cut_without_cutting_an_escape(letter: str) -> None:
    long = letter * 5_000
    made = blocks(
        Section(long, (long, long), ((long, long), ("a", long), (long, "b")), "https://example.org/"), subject=long
    )
    cut = [made[0]["text"]["text"], made[1]["text"]["text"], *(field["text"] for field in made[1]["fields"][:2])]
    for text in cut:
        assert text.endswith("…")
        whole = text.removesuffix("…").replace("&amp;", "").replace("&lt;", "")
        assert "&" not in whole


def test_a_text_that_just_fits_is_not_cut() -> None:
    assert blocks(subject="x" * 150)[0]["text"]["text"] == "x" * 150
    assert blocks(subject="x" * 151)[0]["text"]["text"] == "x" * 149 + "…"
    assert blocks(subject="&" * 31)[0]["text"]["text"] == "&amp;" * 29 + "…"


def test_more_than_ten_figures_go_on_in_a_further_section() -> None:
    _, *made = blocks(replace(BARE, rows=tuple((f"Row {place}", "1") for place in range(25))))
    assert [len(block["fields"]) for block in made] == [10, 10, 5]
    assert [field["text"] for block in made for field in block["fields"]] == [
        f"*Row {place}*\n1" for place in range(25)
    ]


def test_a_digest_that_just_fits_is_shown_whole() -> None:
    made = blocks(*[BARE] * 49)
    assert [block["type"] for block in made] == ["header"] + ["section"] * 49


@pytest.mark.parametrize(("alerts", "more"), [(50, "… and 2 more alerts."), (400, "… and 352 more alerts.")])
def test_a_long_digest_says_how_many_more_there_are(alerts: int, more: str) -> None:
    made = blocks(*[BARE] * alerts)
    assert len(made) == 50
    assert made[-1]["elements"][0]["text"] == more


def test_one_alert_with_hundreds_of_figures_leaves_room_for_the_count() -> None:
    endless = replace(BARE, rows=(("a", "b"),) * 1_000)
    made = blocks(endless, endless)
    assert len(made) == 50
    assert made[-1]["elements"][0]["text"] == "… and 1 more alert."
