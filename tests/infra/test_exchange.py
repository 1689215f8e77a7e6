"""Import and export: files come in whole or not at all, told row by row, and go out to come in again."""

import gzip
import json
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from domain.capital import CapitalCalled, DistributionMade, FeeCharged
from domain.correction import EventVoided
from domain.event import CompanyKey, Event
from domain.events import KINDS
from domain.forecasting import ActualRecorded, MetricType, RecordSource
from domain.fund import CompanyStatus
from domain.investing import (
    CompanyAdded,
    CompanyStatusChanged,
    InvestmentMade,
    ProceedsReceived,
    ReserveAllocated,
    RoundPriced,
    ValuationUpdated,
)
from domain.refusal import ContradictsLaterFact, VersionConflict
from domain.shape import body_name
from infra import exchange
from infra.appending import Appended
from infra.drafts import Draft
from infra.exchange import BadRow, ImportRefusedError, export, read
from infra.ledger import RefusedTogetherError
from infra.people import Person
from infra.runtime import Runtime
from infra.states import END, States
from tests.conftest import OpenFund
from tests.infra.test_golden import EVENTS
from tests.spec import ACME, instant, share, usd

HEADER = "occurred_on,type,company_id,company_name,sector,stage,amount,pre_money,round_size,ownership_after,note"
AT = instant("2010-06-01")


def csv_of(*rows: str) -> str:
    return "\n".join((HEADER, *rows)) + "\n"


def lines_of(*lines: object) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


@pytest.fixture
def written(tmp_path: Path) -> "Written":
    return Written(tmp_path)


class Written:
    """Writes files to read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._count = 0

    def __call__(self, content: str | bytes) -> Path:
        self._count += 1
        path = self._directory / f"file {self._count}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


def refusal(path: Path, time_zone: str = "UTC") -> ImportRefusedError:
    with pytest.raises(ImportRefusedError) as refused:
        read(path, time_zone)
    return refused.value


def bad_rows(path: Path, time_zone: str = "UTC") -> list[tuple[int, str]]:
    """The rows that are wrong, and why; all of them are reported."""
    refused = refusal(path, time_zone)
    assert refused.total == len(refused.bad_rows)
    assert str(refused) == f"{refused.total} bad rows; nothing was written."
    return [(bad.row, bad.reason) for bad in refused.bad_rows]


EVERY_ROW = csv_of(
    "2010-01-01,CAPITAL_CALLED,,,,,1000.00,,,,",
    '2010-01-02,COMPANY_ADDED,acme,"Acme, ""Ltd"" é",web,seed,,,,,',
    "2010-01-03,ROUND_PRICED,acme,Acme,,series_a,,21600000.00,5400000.00,0.020000,",
    "2010-01-04,INVESTMENT_MADE,acme,Acme,,series_a,100.00,,,0.020000,initial",
    "2010-01-05,INVESTMENT_MADE,acme,Acme,,,50.5,,,,reserves",
    "2010-01-05,INVESTMENT_MADE,acme,Acme,,,1,,,,",
    "2010-01-06,VALUATION_UPDATED,acme,Acme,,series_a,27000000.00,,,0.020000,post-money of the round",
    "2010-01-07,FEE_CHARGED,,,,,10.00,,,,audit",
    "2010-01-08,PROCEEDS_RECEIVED,acme,Acme,,,7.00,,,,acquired",
    "2010-01-09,DISTRIBUTION_MADE,,,,,1.00,,,,recallable",
    "2010-01-09,DISTRIBUTION_MADE,,,,,2.00,,,,",
    "2010-01-10,RESERVE_ALLOCATED,acme,Acme,,,9.00,,,,for later",
    "2010-01-11,COMPANY_STATUS_CHANGED,acme,Acme,,,,,,,EXITED",
)
EVERY_EVENT: Sequence[Event] = [
    CapitalCalled(usd(1000)),
    CompanyAdded(ACME, 'Acme, "Ltd" é', "web", "seed"),
    RoundPriced(ACME, "series_a", usd(21_600_000), usd(5_400_000), share("0.020000")),
    InvestmentMade(ACME, usd(100), share("0.020000"), from_reserves=False, round="series_a"),
    InvestmentMade(ACME, usd("50.50"), from_reserves=True),
    InvestmentMade(ACME, usd(1)),
    ValuationUpdated(ACME, usd(27_000_000), note="post-money of the round"),
    FeeCharged(usd(10), "audit"),
    ProceedsReceived(ACME, usd(7), "acquired"),
    DistributionMade(usd(1), recallable=True),
    DistributionMade(usd(2)),
    ReserveAllocated(ACME, usd(9), "for later"),
    CompanyStatusChanged(ACME, CompanyStatus.EXITED),
]


def test_a_csv_holds_every_common_event_in_its_columns(written: Written) -> None:
    batch = read(written(EVERY_ROW), "UTC")
    assert [draft.event for draft in batch.drafts] == EVERY_EVENT
    assert [draft.occurred_at for draft in batch.drafts[:2]] == [instant("2010-01-01"), instant("2010-01-02")]
    assert {draft.metadata for draft in batch.drafts} == {None}
    assert batch.rows == list(range(2, 15))


@pytest.mark.parametrize(
    ("time_zone", "moment"),
    [
        ("UTC", datetime(2010, 7, 1, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2010, 6, 30, 22, tzinfo=UTC)),
        ("America/New_York", datetime(2010, 7, 1, 4, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2010, 6, 30, 18, 15, tzinfo=UTC)),
    ],
)
def test_a_day_in_a_csv_begins_at_midnight_in_the_fund_s_time_zone(
    written: Written, time_zone: str, moment: datetime
) -> None:
    (draft,) = read(written(csv_of("2010-07-01,FEE_CHARGED,,,,,1,,,,")), time_zone).drafts
    assert (draft.occurred_at, draft.occurred_at and draft.occurred_at.tzinfo) == (moment, UTC)


def test_columns_may_stand_in_any_order_be_more_or_fewer(written: Written) -> None:
    batch = read(written("colour,amount,type,occurred_on\nred,1.00,FEE_CHARGED,2010-01-01\n"), "UTC")
    assert [draft.event for draft in batch.drafts] == [FeeCharged(usd(1))]


def test_json_lines_hold_any_event_with_its_moment_and_metadata(written: Written) -> None:
    path = written(
        "\n"
        + lines_of(
            {"event": {"feeCharged": {"amount": "1.00"}}},
            {"event": {"eventVoided": {"version": 2, "reason": "wrong"}}, "occurredAt": "2010-06-01T02:00:00+02:00"},
        )
        + "  \r\n"
        + lines_of({"metadata": {"é": [1, None]}, "event": {"feeCharged": {"amount": "2", "kind": None}}})
    )
    batch = read(path, "Europe/Berlin")
    assert batch.drafts == [
        Draft(FeeCharged(usd(1))),
        Draft(EventVoided(2, "wrong"), AT),
        Draft(FeeCharged(usd(2)), None, {"é": [1, None]}),
    ]
    assert batch.rows == [2, 3, 5]


@pytest.mark.parametrize("content", [EVERY_ROW, lines_of({"event": {"feeCharged": {"amount": "1.00"}}})])
def test_a_file_is_the_same_packed_or_with_a_byte_order_mark_or_other_line_ends(written: Written, content: str) -> None:
    plain = read(written(content), "UTC")
    packed = read(written(gzip.compress(content.encode())), "UTC")
    assert (packed.drafts, packed.rows, packed.key) == (plain.drafts, plain.rows, plain.key)
    assert read(written(b"\xef\xbb\xbf" + content.encode()), "UTC").drafts == plain.drafts
    assert read(written(content.replace("\n", "\r\n")), "UTC").drafts == plain.drafts
    assert read(written(content.rstrip("\n")), "UTC").drafts == plain.drafts


def test_files_that_differ_have_other_keys(written: Written) -> None:
    one, other = csv_of("2010-01-01,FEE_CHARGED,,,,,1,,,,"), csv_of("2010-01-01,FEE_CHARGED,,,,,2,,,,")
    assert read(written(one), "UTC").key == read(written(one), "UTC").key
    assert read(written(one), "UTC").key != read(written(other), "UTC").key


def test_every_bad_row_of_a_csv_is_told_with_its_number_and_reason(written: Written) -> None:
    path = written(
        csv_of(
            "2010-01-01,FEE_CHARGED,,,,,1.00,,,,",  # 2: right
            "2010-02-30,FEE_CHARGED,,,,,1.00,,,,",
            "01/02/2010,FEE_CHARGED,,,,,1.00,,,,",
            ",FEE_CHARGED,,,,,1.00,,,,",
            "2010-01-01,,,,,,1.00,,,,",
            "2010-01-01,EVENT_VOIDED,,,,,1.00,,,,",
            '2010-01-01,FEE_CHARGED,,,,,"1,000.00",,,,',
            "2010-01-01,FEE_CHARGED,,,,,1.005,,,,",
            "2010-01-01,FEE_CHARGED,,,,,,,,,",
            "",  # 11: an empty line is none
            "2010-01-01,INVESTMENT_MADE,acme,,,,1.00,,,2%,",
            "2010-01-01,INVESTMENT_MADE,acme,,,,1.00,,,,first",
            "2010-01-01,DISTRIBUTION_MADE,,,,,1.00,,,,maybe",
            "2010-01-01,COMPANY_STATUS_CHANGED,acme,,,,,,,,SOLD",
            "2010-01-01,COMPANY_ADDED,acme,,,,,,,,",
            "2010-01-01,FEE_CHARGED,,,,,1.00,,,",
            "2010-01-01,FEE_CHARGED,,,,,1.00,,,,,",
            '2010-01-01,FEE_CHARGED,,,,,1.00,,,,"two',
            'lines"',  # 20
            "2010-01-01,FEE_CHARGED,,,,,x,,,,",
        )
    )
    money = "not an amount of money: expected digits with at most two decimals, such as 1250000.00".capitalize()
    ragged = "The row has more or fewer columns than the header."
    assert bad_rows(path) == [
        (3, "occurred_on: day is out of range for month"),
        (4, "occurred_on: not a date: expected YYYY-MM-DD"),
        (5, "occurred_on: not a date: expected YYYY-MM-DD"),
        (6, "type: '' is no type of event that a CSV row can hold."),
        (7, "type: 'EVENT_VOIDED' is no type of event that a CSV row can hold."),
        (8, f"amount: {money}."),
        (9, f"amount: {money}."),
        (10, "amount: This is required."),
        (12, "ownershipAfter: Not a decimal number: expected digits such as -12.5."),
        (13, "note: expected one of initial, reserves, or nothing"),
        (14, "note: expected one of recallable, or nothing"),
        (15, "status: Expected one of ACTIVE, EXITED, WRITTEN_OFF."),
        (16, "name: This is required."),
        (17, ragged),
        (18, ragged),
        (21, f"amount: {money}."),
    ]


def test_every_bad_line_of_json_lines_is_told_with_its_number_and_reason(written: Written) -> None:
    fee = {"feeCharged": {"amount": "1.00"}}
    path = written(
        lines_of({"event": fee})
        + '{"event": \n'
        + "[1]\n"
        + "null\n"
        + lines_of(
            {},
            {"event": None},
            {"event": fee, "note": "x", "amount": "1"},
            {"event": {"feeCharged": {"amount": 1.0}}},
            {"event": {"feeCharged": {"amount": "1.00", "total": "1"}}},
            {"event": {"fundOpened": {"name": "A"}}},
            {"event": fee, "occurredAt": "2010-01-01"},
            {"event": fee, "occurredAt": "2010-01-01T00:00:00"},
            {"event": fee, "occurredAt": 1262304000},
            {"event": fee, "metadata": [1]},
            {"event": fee, "metadata": "x"},
        )
        + '{"event": {"feeCharged": {"amount": NaN}}}\n'
        + '{"event": {"feeCharged": {"amount": "1", "kind": "\\ud800"}}}\n'
        + f'{{"event": {"[" * 100_000}\n'
        + f'{{"event": {{"eventVoided": {{"version": {"9" * 5_000}, "reason": "x"}}}}}}\n'
        + f'{{"event": {{"eventVoided": {{"version": {2**64}, "reason": "x"}}}}}}\n'
    )
    told = dict(bad_rows(path))
    assert list(told) == list(range(2, 21))
    one_event = "event: An event is an object with exactly one kind of event in it."
    instant_wanted = "occurredAt: not an instant: expected RFC 3339 with an offset, such as 2009-12-31T23:59:59Z"
    assert {row: told[row] for row in (*range(3, 16), 20)} == {
        3: "A line must be an object.",
        4: "A line must be an object.",
        5: one_event,
        6: one_event,
        7: "amount: There is no such field here.",
        8: "amount: Expected a text.",
        9: "total: There is no field 'total' here.",
        10: "event: 'fundOpened' is no kind of event that can be recorded.",
        11: instant_wanted,
        12: instant_wanted,
        13: instant_wanted,
        14: "metadata: Metadata must be an object.",
        15: "metadata: Metadata must be an object.",
        20: "version: A whole number beyond 64 bits.",
    }
    assert all(told[row].startswith("not JSON: ") for row in (2, 16, 17, 18, 19))


def test_no_more_than_a_hundred_bad_rows_are_told_and_all_are_counted(written: Written) -> None:
    refused = refusal(written(csv_of(*["2010-01-01,FEE_CHARGED,,,,,x,,,,"] * 250)))
    assert (refused.total, len(refused.bad_rows), refused.bad_rows[0].row, refused.bad_rows[-1].row) == (
        250,
        exchange.MAX_REPORTED,
        2,
        101,
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("date,type\n2010-01-01,FEE_CHARGED\n", "the header lacks the column occurred_on"),
        ("2010-01-01,FEE_CHARGED\n", "the header lacks the column occurred_on, type"),
        ("", "the header lacks the column occurred_on, type"),
        ("\n \r\n", "the header lacks the column occurred_on, type"),
        ("\ufeff", "the header lacks the column occurred_on, type"),
        ("[]", "the header lacks the column occurred_on, type"),
        ("occurred_on;type\n", "the header lacks the column occurred_on, type"),
        ("\0" * 100, "the header lacks the column occurred_on, type"),
        ("occurred_on,type,amount,amount\n2010-01-01,FEE_CHARGED,1,2\n", "the header repeats the column amount"),
        ('occurred_on,"type"x\n', "not CSV: ',' expected after '\"'"),
    ],
)
def test_a_header_that_is_none_is_told_as_the_first_row(written: Written, content: str, reason: str) -> None:
    assert bad_rows(written(content)) == [(1, reason)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('2010-01-01,FEE_CHARGED,,,,,1,,,,"open', "not CSV: unexpected end of data"),
        ('2010-01-01,FEE_CHARGED,,,,,1,,,,"a"b', "not CSV: ',' expected after '\"'"),
        (f"2010-01-01,FEE_CHARGED,,,,,1,,,,{'x' * 200_000}", "not CSV: field larger than field limit (131072)"),
    ],
    ids=["open quote", "text after a quote", "long field"],
)
def test_what_is_no_csv_is_told_with_its_row(written: Written, row: str, reason: str) -> None:
    right = "2010-01-01,FEE_CHARGED,,,,,1,,,,"
    assert bad_rows(written(csv_of(right, row))) == [(3, reason)]


def test_a_day_that_is_beyond_the_calendar_in_utc_is_told(written: Written) -> None:
    path = written(csv_of("0001-01-01,FEE_CHARGED,,,,,1,,,,"))
    assert bad_rows(path, "Asia/Tokyo") == [(2, "occurred_on: a day beyond the calendar")]


@pytest.mark.parametrize(
    "content", [HEADER, HEADER + "\n\n", gzip.compress(HEADER.encode())], ids=["header", "empty lines", "packed"]
)
def test_a_file_without_events_is_refused(written: Written, content: str | bytes) -> None:
    refused = refusal(written(content))
    assert (str(refused), refused.bad_rows) == ("The file holds no events.", [])


@pytest.mark.parametrize(
    ("content", "row", "byte"),
    [
        (csv_of("2010-01-01,COMPANY_ADDED,acme,Café,,,,,,,").encode("latin-1"), 2, 136),
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), 1, 0),
        (b'{"event": {}}\n{"a": "\xed\xa0\x80"}\n', 2, 21),
        (bytes(range(256)), 2, 128),
    ],
    ids=["Latin-1", "UTF-16", "an encoded surrogate", "no text at all"],
)
def test_a_file_that_is_not_utf_8_is_refused_with_its_first_wrong_byte(
    written: Written, content: bytes, row: int, byte: int
) -> None:
    refused = refusal(written(content))
    assert str(refused) == "The file isn't UTF-8 text."
    assert refused.bad_rows == [BadRow(row, f"byte {byte} isn't UTF-8")]


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_of_a_hundred_megabytes_is_refused(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "large"
    if packed:
        with gzip.open(path, "wb", compresslevel=1) as file:
            for _ in range(100):
                file.write(b"\n" * 10**6)
    else:
        with path.open("wb") as plain:
            plain.truncate(100 * 10**6)
    refused = refusal(path)
    assert (str(refused), refused.bad_rows) == ("The file is larger than 64 MiB; split it.", [])


def test_a_file_just_small_enough_is_read(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_FILE_BYTES", 2**20)
    content = csv_of("2010-01-01,FEE_CHARGED,,,,,1.00,,,,")
    full = content + "\n" * (2**20 - len(content))
    assert len(read(written(full), "UTC").drafts) == 1
    for larger in (full + "\n", gzip.compress(full.encode() + b"\n")):
        assert str(refusal(written(larger))) == "The file is larger than 1 MiB; split it."


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path, written: Written) -> None:
    packed = gzip.compress(random.Random(1).randbytes(10_000))
    broken = bytearray(packed)
    broken[5_000:5_100] = bytes(100)
    for path in (
        tmp_path / "none",
        tmp_path,
        written(packed[:5_000]),
        written(bytes(broken)),
        written(packed[:-8] + bytes(8)),
        written(b"\x1f\x8b"),
        written(b"\x1f\x8bno gzip"),
        written(packed[:10] + b"\xff" * 50),
    ):
        assert str(refusal(path)).startswith("The file can't be read: ")


async def imported(runtime: Runtime, owner: Person, fund_id: UUID, path: Path, time_zone: str = "UTC") -> Appended:
    """The file in the fund; or, told by row, why not."""
    batch = read(path, time_zone)
    try:
        return await runtime.ledger.record_all(fund_id, batch.drafts, actor=owner.id, key=batch.key)
    except RefusedTogetherError as fault:
        raise exchange.refused(batch, fault.refusals) from None


async def exported(runtime: Runtime, fund_id: UUID) -> str:
    return "".join([line async for line in export(runtime.history.all(fund_id))])


async def head(runtime: Runtime, fund_id: UUID) -> int:
    version: int = await runtime.pool.fetchval("SELECT version FROM fund WHERE id = $1", fund_id)
    return version


async def test_a_file_imported_again_changes_nothing(
    runtime: Runtime, owner: Person, open_fund: OpenFund, written: Written
) -> None:
    fund_id = await open_fund()
    first = await imported(runtime, owner, fund_id, written(EVERY_ROW))
    assert (first.first_version, first.last_version, first.repeated) == (2, 14, False)
    await runtime.ledger.record(fund_id, [Draft(FeeCharged(usd(1)), AT)], actor=owner.id)
    before = await exported(runtime, fund_id)
    for content in (EVERY_ROW.encode(), gzip.compress(EVERY_ROW.encode())):
        again = await imported(runtime, owner, fund_id, written(content))
        assert (again.first_version, again.last_version, again.repeated) == (2, 14, True)
    assert await exported(runtime, fund_id) == before
    assert await head(runtime, fund_id) == 15


async def test_facts_that_can_not_be_are_told_by_row_and_nothing_is_written(
    runtime: Runtime, owner: Person, open_fund: OpenFund, written: Written
) -> None:
    fund_id = await open_fund()
    path = written(
        csv_of(
            "2010-01-01,COMPANY_ADDED,acme,Acme,,,,,,,",
            "",
            "2010-01-02,INVESTMENT_MADE,acme,Acme,,,0.00,,,,",
            "2010-01-02,INVESTMENT_MADE,beta,Beta,,,1.00,,,,",
            "2010-01-03,INVESTMENT_MADE,acme,Acme,,,60000000.01,,,,",
            "2010-01-03,INVESTMENT_MADE,acme,Acme,,,1.00,,,1.5,",
            "2005-12-31,FEE_CHARGED,,,,,1.00,,,,",
            "1899-12-31,FEE_CHARGED,,,,,1.00,,,,",
            f"2010-01-04,COMPANY_ADDED,{'k' * 201},Long,,,,,,,",
            "2010-01-05,COMPANY_ADDED,acme,Acme,,,,,,,",
            "2010-01-06,DISTRIBUTION_MADE,,,,,1.00,,,,",
        )
    )
    with pytest.raises(ImportRefusedError) as refused:
        await imported(runtime, owner, fund_id, path)
    assert str(refused.value) == "8 rows can't be; nothing was written."
    assert sorted((bad.row, bad.reason) for bad in refused.value.bad_rows) == [
        (4, "amount: The amount must be above zero."),
        (5, "companyId: No company 'beta' in the fund at that moment."),
        (6, "amount: 60,000,000.01 USD is above the 60,000,000 USD available by then."),
        (7, "ownershipAfter: A fraction lies from 0 to 1."),
        (8, "occurredAt: The fund was not open yet at that moment."),
        (9, "occurredAt: A fact is dated from 1900 to five years ahead."),
        (10, "companyId: At most 200 characters."),
        (11, "companyId: The fund has a company 'acme' already."),
    ]
    assert await head(runtime, fund_id) == 1
    assert await exported(runtime, fund_id) == ""


async def test_a_file_of_thousands_of_rows_is_written_whole_or_not_at_all(
    runtime: Runtime, owner: Person, open_fund: OpenFund, written: Written
) -> None:
    fund_id = await open_fund()
    rows = [f"2010-01-{1 + place % 28:02},FEE_CHARGED,,,,,1.00,,,," for place in range(2_345)]
    for wrong, reason in (
        ("2010-01-01,INVESTMENT_MADE,acme,,,,1.00,,,,", "companyId: No company 'acme' in the fund at that moment."),
        ("2010-01-01,FEE_CHARGED,,,,,-1.00,,,,", "amount: The amount must be above zero."),
        ("2010-01-01,FEE_CHARGED,,,,,1.001,,,,", None),
    ):
        with pytest.raises(ImportRefusedError) as refused:
            await imported(runtime, owner, fund_id, written(csv_of(*rows, wrong)))
        (bad,) = refused.value.bad_rows
        assert bad.row == 2_347
        assert reason in (None, bad.reason)
        assert await head(runtime, fund_id) == 1
        assert await runtime.pool.fetchval("SELECT count(*) FROM fact WHERE fund_id = $1", fund_id) == 1
    answer = await imported(runtime, owner, fund_id, written(csv_of(*rows)))
    assert (answer.last_version, await head(runtime, fund_id)) == (2_346, 2_346)
    assert await runtime.history.first_bad_version(fund_id) == (2_346, None)


def revenue(figure: str, restates: int | None = None) -> ActualRecorded:
    return ActualRecorded(
        CompanyKey("beta"),
        MetricType.REVENUE,
        Decimal(figure),
        date(2010, 1, 1),
        date(2010, 3, 31),
        RecordSource.IMPORT,
        restates,
    )


async def test_versions_that_facts_name_are_exported_as_a_new_fund_will_count_them(
    runtime: Runtime, owner: Person, open_fund: OpenFund, written: Written
) -> None:
    fund_id = await open_fund()
    setting = EVENTS["ALERT_RULE_SET"]

    async def record(*events: Event) -> int:
        drafts = [Draft(event, AT + timedelta(days=1)) for event in events]
        return (await runtime.ledger.record(fund_id, drafts, actor=owner.id)).last_version

    await record(setting, CompanyAdded(CompanyKey("beta"), "Acme"), setting)
    first = await record(revenue("100.10"))
    await record(setting)
    second = await record(revenue("99.90", first))
    await record(setting)
    await record(EventVoided(second, "not restated after all"))
    assert (first, second) == (5, 7)
    text = await exported(runtime, fund_id)
    events = [json.loads(line)["event"] for line in text.splitlines()]
    assert [*map(list, events)] == [["companyAdded"], ["actualRecorded"], ["actualRecorded"], ["eventVoided"]]
    assert (events[2]["actualRecorded"]["supersedesVersion"], events[3]["eventVoided"]["version"]) == (3, 4)
    copy = await open_fund()
    await imported(runtime, owner, copy, written(text))
    assert await exported(runtime, copy) == text


async def test_an_export_is_imported_into_a_new_fund_and_exported_byte_for_byte(
    runtime: Runtime, owner: Person, open_fund: OpenFund, written: Written
) -> None:
    fund_id = await open_fund()
    metadata: dict[str, object] = {"z": [1, -2.5, 1e20, None, True], 'é "\\\n\u2028😀': {"a": {}}, "0": 2**53}
    company = EVENTS["COMPANY_ADDED"]

    async def record(*drafts: Draft) -> None:
        await runtime.ledger.record(fund_id, list(drafts), actor=owner.id)

    first = [
        Draft(CapitalCalled(usd(1_000_000), date(2010, 7, 1)), AT),
        Draft(company, AT, metadata),
        Draft(CompanyAdded(CompanyKey("beta"), "Beta"), AT + timedelta(microseconds=1)),
        Draft(InvestmentMade(CompanyKey("beta"), usd("0.01")), AT + timedelta(days=2), {}),
    ]
    await record(*first)
    apart = ("COMPANY_ADDED", "EVENT_VOIDED", "ACTUAL_RECORDED")
    held = [name for name in EVENTS if KINDS[name].recordable and name not in apart]
    held.sort(key=lambda name: name == "COMPANY_STATUS_CHANGED")
    for place, name in enumerate(held):
        await record(Draft(EVENTS[name], AT + timedelta(days=10 + place), {"place": place}))
    await record(Draft(FeeCharged(usd(3), "backdated"), AT - timedelta(days=100)))
    await record(Draft(EventVoided(5, "typed in the wrong company"), AT + timedelta(days=60)))
    version = await head(runtime, fund_id)
    await record(Draft(revenue("100.10"), AT + timedelta(hours=1)))
    await record(Draft(revenue("99.90", version + 1), AT + timedelta(days=1)))
    await record(Draft(EventVoided(version + 2, "not restated after all"), AT + timedelta(days=3)))
    await record(Draft(revenue("1000.00", version + 1), AT + timedelta(days=2)))
    await record(Draft(FeeCharged(usd(4))))

    text = await exported(runtime, fund_id)
    assert len(text.split("\n")[:-1]) == await head(runtime, fund_id) - 1
    assert {name for line in text.split("\n")[:-1] for name in json.loads(line)["event"]} == {
        body_name(kind.name) for kind in KINDS.values() if kind.recordable
    }
    assert text.split("\n")[:-1][3] == (
        '{"event":{"investmentMade":{"amount":"0.01","companyId":"beta","fromReserves":false}},"metadata":{},'
        '"occurredAt":"2010-06-03T00:00:00.000000Z"}'
    )
    copy = await open_fund()
    answer = await imported(runtime, owner, copy, written(text), "Asia/Tokyo")
    assert answer.last_version == await head(runtime, fund_id)
    assert await exported(runtime, copy) == text
    query = """SELECT version, type, schema_version, occurred_at, touches_at, company_id, metadata, payload FROM fact
        WHERE fund_id = $1 AND version > 1 ORDER BY version"""
    assert await runtime.pool.fetch(query, copy) == await runtime.pool.fetch(query, fund_id)
    states = States(runtime.pool)
    for at in (AT, AT + timedelta(days=2), AT + timedelta(days=30), END):
        copied = await states.state(copy, at, answer.last_version)
        assert copied.state == (await states.state(fund_id, at, answer.last_version)).state
    again = await imported(runtime, owner, copy, written(text))
    assert (again.repeated, await exported(runtime, copy)) == (True, text)


async def test_a_large_export_with_voids_of_its_own_facts_comes_back_as_it_was(
    runtime: Runtime, owner: Person, open_fund: OpenFund, written: Written
) -> None:
    chance = random.Random(7)
    fund_id, copy = await open_fund(), await open_fund()
    drafts: list[Draft] = []
    voided: set[int] = set()
    for place in range(2_200):
        version = place + 2
        target = chance.randrange(2, version) if place and chance.random() < 0.02 else None
        if target is None or target in voided:
            moment = AT + timedelta(days=chance.randrange(-1_000, 1_000))
            drafts.append(Draft(FeeCharged(usd(chance.randrange(1, 999))), moment))
        else:
            voided |= {target, version}
            drafts.append(Draft(EventVoided(target, "wrong"), AT))
    await runtime.ledger.record_all(fund_id, drafts, actor=owner.id, key="made")
    text = await exported(runtime, fund_id)
    await imported(runtime, owner, copy, written(gzip.compress(text.encode())))
    assert await exported(runtime, copy) == text
    states = States(runtime.pool)
    fees = [
        draft.event.amount
        for version, draft in enumerate(drafts, start=2)
        if isinstance(draft.event, FeeCharged) and version not in voided
    ]
    assert (await states.state(copy, END, 2_201)).state.fees == sum(fees)
    assert (await states.state(fund_id, END, 2_201)).state.fees == sum(fees)


async def test_a_file_of_one_fund_can_be_imported_into_another_too(
    runtime: Runtime, owner: Person, open_fund: OpenFund, written: Written
) -> None:
    path = written(EVERY_ROW)
    for _ in range(2):
        answer = await imported(runtime, owner, await open_fund(), path)
        assert (answer.repeated, answer.last_version) == (False, 14)


async def test_a_refusal_that_no_row_alone_is_to_blame_for_is_told_of_the_file(written: Written) -> None:
    batch = read(written(EVERY_ROW), "UTC")
    told = exchange.refused(batch, [ContradictsLaterFact("It can't.", 7, "events"), VersionConflict(1, 2)])
    assert [bad.row for bad in told.bad_rows] == [0, 0]
