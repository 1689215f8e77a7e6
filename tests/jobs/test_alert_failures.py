"""Receivers that refuse, hang, redirect and die: nobody else waits for them, and what became of it is told."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.rules import AlertSeverity
from infra import deliveries
from infra.channels import Address
from jobs import alerts
from tests.histories import process
from tests.infra.alerting import report
from tests.jobs.funds import until
from tests.jobs.outward import (
    BOSS,
    DELIVERED,
    EMAIL,
    FAILED,
    IN_APP,
    JANE,
    JOE,
    PENDING,
    SIGNING,
    SLACK,
    WEBHOOK,
    Outward,
    hooked,
    set_channel,
    slacked,
    subjects,
)
from tests.jobs.receivers import MailServer, web_server


def refuse(mail: MailServer) -> None:
    mail.sender_reply = "451 Not now"


def hang(mail: MailServer) -> None:
    mail.answers.clear()


def die(mail: MailServer) -> None:
    mail.dying = True


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (refuse, "The mail server refused the sender (451)."),
        (hang, None),
        (die, "The mail server can't be reached."),
    ],
)
async def test_a_mail_server_that_fails_delays_nobody_else_and_gets_its_mail_once_it_is_back(
    outward: Outward, fail: Callable[[MailServer], None], reason: str | None
) -> None:
    fail(outward.mail)
    async with outward.working():
        await outward.miss()
        await outward.comes(DELIVERED, WEBHOOK, SLACK, IN_APP)
        tries = 3 if reason else 1
        (waiting,) = await outward.comes(PENDING, EMAIL, attempts=tries)
        assert outward.mail.taken == []
        assert (len(hooked(outward)), len(slacked(outward))) == (1, 1)
        # Others' alerts get through meanwhile too.
        await outward.miss("beta")
        await outward.comes(DELIVERED, WEBHOOK, SLACK, count=2)

        async def said() -> bool:
            return (await outward.deliveries(EMAIL))[0].last_error == reason

        await until(said)
        assert waiting.status is PENDING
        outward.mail.sender_reply = None
        outward.mail.answers.set()
        if fail is die:
            await outward.mail.start()
        await outward.comes(DELIVERED, EMAIL, count=2)
        await outward.rest()
    assert sorted(subjects(outward)) == ["Urgent: Acme, revenue −40% (F)", "Urgent: Beta, revenue −40% (F)"]
    assert (len(hooked(outward)), len(slacked(outward))) == (2, 2)


async def test_a_receiver_that_hangs_keeps_only_its_own_fund_waiting(outward: Outward) -> None:
    other = await outward.another()
    async with web_server() as hanging:
        hanging.answers.clear()
        await set_channel(outward.watched, WEBHOOK, Address(url=hanging.url("/hook"), secret=SIGNING))
        async with outward.working():
            await outward.miss()

            async def hangs() -> bool:
                return len(hanging.requests) == 1

            await until(hangs)
            await other.record(report(1, 500_000))

            async def told() -> bool:
                return len(hooked(outward, other)) == 1

            await until(told)
            assert (await outward.delivery(WEBHOOK)).status is PENDING
            hanging.answers.set()
            await outward.comes(DELIVERED, WEBHOOK)


async def test_a_webhook_that_redirects_is_not_followed_and_that_is_recorded(outward: Outward) -> None:
    async with web_server() as inside:
        path = f"/hook/{outward.fund_id}"
        outward.web.statuses[path] = f"302 Found\r\nlocation: {inside.url('/admin')}"
        async with outward.working():
            await outward.miss()
            (found,) = await outward.comes(PENDING, WEBHOOK, attempts=2)
            assert found.last_error == "127.0.0.1 answered with a redirect (302), and redirects aren't followed."
            assert inside.requests == []
            del outward.web.statuses[path]
            await outward.comes(DELIVERED, WEBHOOK)


async def test_where_private_addresses_are_no_longer_allowed_nothing_goes_there(outward: Outward) -> None:
    settings = outward.funds.runtime.settings.model_copy(update={"allow_private_webhooks": False})
    async with process(outward.funds.database_url, outward.funds.redis.url, settings) as strict:
        await outward.miss()
        await outward.watched.evaluate()
        assert await alerts.deliver(strict, outward.fund_id, WEBHOOK) == 0
    found = await outward.delivery(WEBHOOK)
    assert (found.status, found.last_error) == (FAILED, "The address must start with https://.")
    assert outward.web.requests == []


async def test_a_refusal_for_good_is_not_tried_again_and_keeps_its_reason(outward: Outward) -> None:
    outward.web.statuses[f"/hook/{outward.fund_id}"] = "404 Not Found"
    outward.mail.replies = {JANE: "550 No such mailbox", JOE: "550 No such mailbox"}
    async with outward.working():
        await outward.miss()
        await outward.comes(DELIVERED, SLACK)
        await outward.comes(FAILED, WEBHOOK, EMAIL)
        await outward.rest()
    mail, hook = await outward.delivery(EMAIL), await outward.delivery(WEBHOOK)
    assert (mail.attempts, mail.last_error) == (1, f"The mail server refused {JANE} (550), {JOE} (550).")
    assert (hook.attempts, hook.last_error) == (1, "127.0.0.1 answered with status 404.")
    assert len(hooked(outward)) == 1
    assert outward.mail.tried == 2


async def test_what_goes_on_failing_is_given_up_in_the_end(outward: Outward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "PAUSES", (timedelta(milliseconds=1),) * 3)
    outward.web.statuses[f"/hook/{outward.fund_id}"] = "503 Later"
    async with outward.working():
        await outward.miss()
        (found,) = await outward.comes(FAILED, WEBHOOK, attempts=4)
    assert (found.attempts, found.last_error) == (4, "127.0.0.1 answered with status 503.")
    assert len(hooked(outward)) == 4
    assert len({one["revision"] for one in hooked(outward)}) == 1


async def test_a_recipient_refused_for_now_is_tried_again_alone(outward: Outward) -> None:
    outward.mail.replies[JOE] = "451 Mailbox busy"
    async with outward.working():
        await outward.miss("acme", "beta")
        found = await outward.comes(PENDING, EMAIL, count=2, attempts=2)
        assert {one.last_error for one in found} == {f"The mail server refused {JOE} (451)."}
        assert [one.recipients for one in outward.mail.taken] == [(JANE,), (JANE,)]
        # What fails wholly in between changes nothing in who is left.
        await outward.mail.stop()

        async def unreachable() -> bool:
            reasons = [one.last_error for one in await outward.deliveries(EMAIL)]
            return "The mail server can't be reached." in reasons

        await until(unreachable)
        outward.mail.replies.clear()
        await outward.mail.start()
        await outward.comes(DELIVERED, EMAIL, count=2)
        await outward.rest()
    assert [one.recipients for one in outward.mail.taken] == [(JANE,), (JANE,), (JOE,), (JOE,)]
    assert sorted(subjects(outward)[:2]) == sorted(subjects(outward)[2:])


async def test_a_recipient_refused_holds_up_no_other_message(outward: Outward) -> None:
    outward.mail.replies[JOE] = "451 Mailbox busy"
    await outward.miss("acme", "beta", "gamma")
    await outward.watched.evaluate()
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, EMAIL) == 0
    assert [one.recipients for one in outward.mail.taken] == [(JANE,)] * 3


async def test_a_server_that_is_down_is_asked_once_and_not_for_each_message(outward: Outward) -> None:
    refuse(outward.mail)
    await outward.miss("acme", "beta", "gamma")
    await outward.watched.evaluate()
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, EMAIL) == 0
    assert outward.mail.tried == 1
    assert [one.attempts for one in await outward.deliveries(EMAIL)] == [1, 0, 0]


async def test_a_digest_that_some_have_already_goes_to_the_others_without_what_is_new(outward: Outward) -> None:
    address = Address(recipients=(JANE, JOE))
    await set_channel(outward.watched, EMAIL, address, AlertSeverity.URGENT)
    outward.mail.replies[JOE] = "451 Mailbox busy"
    async with outward.working():
        await outward.miss(figure=700_000)
        await outward.raised()
        await outward.pass_time()
        await outward.comes(PENDING, EMAIL)

        async def taken(count: int) -> bool:
            return len(outward.mail.taken) == count

        await until(lambda: taken(1))
        await outward.miss("beta", figure=700_000)
        await outward.raised(2)
        outward.mail.replies.clear()
        await outward.pass_time()
        await outward.comes(DELIVERED, EMAIL, count=2)
        await outward.rest()
    first, *others = outward.mail.taken
    assert (first.recipients, "Acme" in first.part("plain")) == ((JANE,), True)
    told = {(one.recipients, "Acme" in one.part("plain"), "Beta" in one.part("plain")) for one in others}
    assert told == {((JOE,), True, False), ((JANE, JOE), False, True)}


async def test_a_removed_channel_delivers_nothing_more(outward: Outward) -> None:
    refuse(outward.mail)
    async with outward.working():
        await outward.miss()
        await outward.comes(PENDING, EMAIL, attempts=2)
        assert await outward.watched.runtime.channels.remove(outward.fund_id, EMAIL)
        # Whatever was under way is over before the server would take it.
        await outward.rest()
        outward.mail.sender_reply = None
        found = await outward.delivery(EMAIL)
        assert (found.status, found.last_error) == (FAILED, "The channel was removed.")
        await outward.miss("beta")
        await outward.comes(DELIVERED, WEBHOOK, count=2)
        await outward.rest()
        assert [one.last_error for one in await outward.deliveries(EMAIL)] == [
            "The channel was removed.",
            "The fund has no such channel.",
        ]
        assert outward.mail.taken == []
        # Set again, it delivers what comes from now on.
        await set_channel(outward.watched, EMAIL, Address(recipients=(BOSS,)))
        await outward.miss("gamma")

        async def taken() -> bool:
            return len(outward.mail.taken) == 1

        await until(taken)
    assert subjects(outward) == ["Urgent: Gamma, revenue −40% (F)"]


async def test_a_slow_channel_is_tried_within_its_lease_and_gets_everything_once(
    outward: Outward, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As though each attempt took longest: one after each claim.
    monkeypatch.setattr(alerts, "TRYING_SECONDS", -1.0)
    await outward.miss("acme", "beta", "gamma")
    await outward.watched.evaluate()
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, WEBHOOK) == 1
    assert [one.attempts for one in await outward.deliveries(WEBHOOK)] == [1, 0, 0]
    async with outward.working():
        found = await outward.comes(DELIVERED, WEBHOOK, count=3)
        await outward.rest()
    assert [one.attempts for one in found] == [1, 1, 1]
    assert len({one["alertId"] for one in hooked(outward)}) == len(hooked(outward)) == 3


async def test_what_was_not_delivered_is_not_counted_as_such(outward: Outward) -> None:
    outward.web.statuses[f"/hook/{outward.fund_id}"] = "404 Not Found"
    await outward.miss("acme", "beta")
    await outward.watched.evaluate()
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, WEBHOOK) == 0
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, SLACK) == 2
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, SLACK) == 0


async def test_a_delivery_of_what_is_no_notice_has_failed(outward: Outward) -> None:
    await outward.watched.runtime.pool.execute(
        """INSERT INTO delivery VALUES ($1, 'none', 1, 'WEBHOOK', 'PENDING', false, 0, NULL, '{}', clock_timestamp(),
            clock_timestamp(), NULL)""",
        outward.fund_id,
    )
    assert await alerts.deliver(outward.watched.runtime, outward.fund_id, WEBHOOK) == 0
    ((found,),) = (await outward.watched.runtime.deliveries.of(outward.fund_id, ["none"])).values()
    assert (found.status, found.last_error) == (FAILED, "The alert is gone.")
    assert outward.web.requests == []
