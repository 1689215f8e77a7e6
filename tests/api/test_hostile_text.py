"""Text that PostgreSQL, JSON or a terminal can't take, wherever a string goes in: told cleanly, never 500."""

import json
import logging

import httpx
import pytest

from domain.events import KINDS
from infra.people import Role
from tests.api.asking import Caller, Json, OpenedFund
from tests.api.conftest import MakeCaller
from tests.api.places import HOLDERS, Place, all_places
from tests.api.watching import Watched, done
from tests.depth import LONG

HALF_PAIRS = ["\ud800", "\udfff", "x\ud83d", "\ude00\ud83d"]
"""Halves of surrogate pairs: JSON can name them, UTF-8 can't hold them."""
ODD = [
    "\0", "a\0b", "\x1b[31m", "\u202e", "\ufeff", "\uffff", "\U0010ffff", "%s%n{0}{}", "'; DROP TABLE fact; --",
    "\\u0000", "<script>", "$1", "\\", '"', "\r\n", "x" * 300_000,
    "1); SELECT pg_sleep(60); --", "x\r\n2026-01-01 ERROR forged %(message)s {0.__class__} ${jndi:ldap://x}",
]  # fmt: skip


MIXED = [
    "a\0b\x1b[31m", "\u202e\ufeff\uffff\U0010ffff", "%s%n{0}{}$1\\u0000", "'; DROP TABLE fact; --",
    '<script>"\\\r\n', "x" * 300_000, *ODD[-2:],
]  # fmt: skip
"""The same in fewer strings."""


TEXTS = frozenset({"ID", "JSON", "String"})
FORMAL = ["\0", "'; DROP TABLE fact; --", "x" * 300_000]
"""Of what is read by its form wherever it stands, and refused before anything looks at it."""
PLACES = all_places()
FREE = frozenset(all_places(TEXTS))
FOUND = """
mutation {
  openFund(input: {name: "First", currency: "USD", vintageYear: 2006, size: "1.00"}) { errors { code } }
}
"""
"""Whoever opens a fund belongs to its organisation."""


def test_every_string_of_every_input_is_among_the_places() -> None:
    kinds = {place.path[3] for place in PLACES if place.field == "recordEvents" and place.path[2:3] == ("event",)}
    assert len(kinds) == len([kind for kind in KINDS.values() if kind.recordable])
    assert {place.kind for place in PLACES} == {*HOLDERS} - {"FundChange"}
    assert len(PLACES) > 150


@pytest.mark.parametrize("place", PLACES, ids=str)
async def test_no_text_anywhere_is_our_fault(
    fund: OpenedFund, caller: MakeCaller, caplog: pytest.LogCaptureFixture, place: Place
) -> None:
    caplog.set_level(logging.INFO)
    # Somebody who may do everything, or some texts would be looked at no closer than their author.
    admin = await caller(Role.ADMIN, fund.uuid)
    if place.kind == "Organisation":
        await admin.data(FOUND)
    accept = "text/event-stream" if place.operation == "subscription" else "application/json"
    for text in (ODD if LONG else MIXED) if place in FREE else FORMAL:
        response = await admin.send(json.dumps(place.request(text, fund.id)), accept=accept)
        assert response.status_code == 200, response.text
        assert "\0" not in response.text
        for error in answer_of(response).get("errors", []):
            assert error["extensions"]["code"] in {"BAD_USER_INPUT", "NOT_FOUND"}, (text[:20], error)
    response = await admin.send(json.dumps(place.request(HALF_PAIRS[0], fund.id)), accept=accept)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    # Nobody is told of it, and no line of the log can be forged.
    # A slow machine's Redis may be late with an answer, whatever the text.
    told = [one for one in caplog.records if one.levelno >= logging.WARNING and one.name != "infra.rates"]
    assert told == []
    assert not any("forged" in record.getMessage() for record in caplog.records)


def answer_of(response: httpx.Response) -> Json:
    """The answer, or the first one that a stream tells."""
    text = response.text
    if response.headers["content-type"].startswith("text/event-stream"):
        text = next(line for line in text.splitlines() if line.startswith("data: {")).removeprefix("data: ")
    answer: Json = json.loads(text)
    return answer


@pytest.mark.parametrize("text", HALF_PAIRS)
async def test_half_a_surrogate_pair_is_refused_wherever_it_stands(stranger: Caller, text: str) -> None:
    escaped = json.dumps(text)[1:-1]
    bodies = [
        f'{{"query": "{{ viewer {{ id }} }} # {escaped}"}}',
        f'{{"query": "{{ node(id: \\"{escaped}\\") {{ id }} }}"}}',
        f'{{"query": "{{ viewer {{ id }} }}", "variables": {{"{escaped}": 1}}}}',
        f'{{"query": "{{ viewer {{ id }} }}", "operationName": "{escaped}"}}',
        f'{{"query": "{{ viewer {{ id }} }}", "extensions": {{"a": "{escaped}"}}}}',
        f'{{"query": "{{ viewer {{ id }} }}", "{escaped}": 1}}',
    ]
    for body in bodies:
        response = await stranger.send(body)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


async def test_half_a_surrogate_pair_written_in_the_document_is_a_syntax_error(stranger: Caller) -> None:
    for text in ("\\ud800", "\\udfff", "\\u{d800}", "\\ud83dx", "\\u{110000}"):
        answer = await stranger.ask(f'{{ node(id: "{text}") {{ id }} }}')
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["GRAPHQL_PARSE_FAILED"]


async def test_text_of_any_language_comes_back_as_given(fund: OpenedFund) -> None:
    names = [
        "Ångström & Söhne",
        "株式会社",
        "شركة",
        "🦄🏳️‍🌈",
        "e\u0301",
        "ﷺ",
        "a\u00a0b",
        "\U0010fffd",
        'it\'s "quoted" \\ / <b>',
    ]
    for place, name in enumerate(names):
        given = {"event": {"companyAdded": {"companyId": f"{place} {name}", "name": name, "sector": name}}}
        await fund.analyst.recorded(fund.id, given)
    query = "query ($id: ID!) { fund(id: $id) { portfolioCompanies { companyId name sector } } }"
    told = (await fund.analyst.data(query, id=fund.id))["fund"]["portfolioCompanies"]
    assert told == [{"companyId": f"{place} {name}", "name": name, "sector": name} for place, name in enumerate(names)]
    # Not turned into another form of the same text.
    assert len(told[4]["name"]) == 2


async def test_the_names_and_reasons_of_alerts_are_kept_as_given_whatever_they_hold(watched: Watched) -> None:
    odd = [text for text in ODD if "\0" not in text and text.strip() and len(text) < 200]
    for place, text in enumerate(odd):
        rule = await watched.set_rule(name=text, stages=["Seed", text], cooldownMinutes=place)
        assert (rule["name"], rule["stages"]) == (text, ["Seed", text])
        await watched.report(place % 12 + 1, 600_000 - place)
        alert = (await watched.alerts(statuses=["OPEN"]))[0]
        assert alert["rule"]["name"] == text
        over = await done(watched.analyst, "resolveAlert", alert["id"], reason=text)
        assert over["resolution"] == text
        assert over["why"].endswith(f"Resolved by hand: {text}")
        assert (await watched.update(rule["id"], name=f"{place} {text}", enabled=False))["errors"] == []
    assert [rule["name"] for rule in await watched.rules()] == [f"{place} {text}" for place, text in enumerate(odd)]
