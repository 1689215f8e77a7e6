"""Alert rules: set, changed, paused and retired by managers; seen by everyone with a part in the fund, then and now."""

import asyncio
from uuid import uuid4

import pytest
import pytest_asyncio

from infra.people import Role
from tests.api.asking import Caller, Json, OpenedFund, refusals
from tests.api.conftest import MakeCaller, MakeWatched
from tests.api.watching import CREATE, LADDER, RETIRE, RULE, RULES, UPDATE, Watched, planned, reported

NODE = RULE + "query ($id: ID!) { node(id: $id) { __typename id ... on AlertRule { ...Rule } } }"
RULE_THEN = """
query ($id: ID!, $at: DateTime) {
  fund(id: $id, at: $at) { varianceAlerts { rule { id name version ladder { percent } } } }
}
"""
ABSENT = "00000000-0000-4000-8000-000000000000"
WARNING, CRITICAL, URGENT = LADDER


@pytest_asyncio.fixture(scope="session")
async def settled(watch: MakeWatched) -> Watched:
    """A watched fund with the rule Sales at version 6, for tests that change nothing in it."""
    watched = await watch()
    await watched.set_rule()
    return watched


async def retire(caller: Caller, rule: str) -> Json:
    payload: Json = (await caller.data(RETIRE, id=rule))["retireAlertRule"]
    return payload


# Setting one.


async def test_a_rule_is_set_with_the_defaults_of_what_is_left_out(watched: Watched) -> None:
    rule = await watched.set_rule()
    name = rule["id"].removeprefix(f"rule:{watched.id}:")
    assert (len(name), rule["createdAt"]) == (32, rule["updatedAt"])
    assert rule == {
        "id": rule["id"],
        "fundId": watched.id,
        "name": "Sales",
        "metrics": ["REVENUE"],
        "ladder": list(LADDER),
        "companyIds": None,
        "stages": None,
        "direction": "UNFAVOURABLE",
        "combine": "AND",
        "persistence": 1,
        "persistenceWindow": 1,
        "clearAt": "0.8",
        "forecastPolicy": "LATEST_AT_PERIOD_START",
        "includeBackdated": False,
        "channels": ["IN_APP"],
        "cooldownMinutes": 1440,
        "enabled": True,
        "retired": False,
        "version": 6,
        "createdAt": rule["createdAt"],
        "updatedAt": rule["createdAt"],
    }
    assert await watched.rules() == [rule]
    assert await watched.version() == 6


EVERYTHING: Json = {
    "name": "Œuvre 😀 «burn»",
    "metrics": ["CASH_BURN", "GROSS_MARGIN"],
    "ladder": [
        {"severity": "INFO", "percent": "0.5", "absolute": None},
        {"severity": "URGENT", "percent": None, "absolute": "9" * 38},
    ],
    "companyIds": ["beta", "acme"],
    "stages": ["Seed", "Series A"],
    "direction": "BOTH",
    "combine": "OR",
    "persistence": 2,
    "persistenceWindow": 24,
    "clearAt": "0.000000000000000000000000000000000001",
    "forecastPolicy": "ORIGINAL_UNDERWRITE",
    "includeBackdated": True,
    "channels": ["IN_APP"],
    "cooldownMinutes": 0,
    "enabled": False,
}


async def test_everything_that_can_be_said_of_a_rule_comes_back_as_given(watched: Watched) -> None:
    rule = await watched.set_rule(**EVERYTHING)
    assert {name: rule[name] for name in EVERYTHING} == EVERYTHING


async def test_null_is_as_if_left_out(watched: Watched) -> None:
    plain = await watched.set_rule(name="left out")
    defaulted = (
        "companyIds", "stages", "direction", "combine", "persistence", "persistenceWindow", "clearAt",
        "forecastPolicy", "includeBackdated", "channels", "cooldownMinutes", "enabled",
    )  # fmt: skip
    rule = await watched.set_rule(name="null", **dict.fromkeys(defaulted))
    assert {name: rule[name] for name in defaulted} == {name: plain[name] for name in defaulted}


async def test_a_rule_is_a_fact_of_whoever_set_it(watched: Watched) -> None:
    rule = await watched.set_rule()
    await watched.update(rule["id"], enabled=False)
    await retire(watched.manager, rule["id"])
    asked = """query ($id: ID!) {
      viewer { email }
      timeline(fundId: $id, first: 3) { nodes { version type summary recordedBy ... on AlertRuleSet { name enabled } } }
    }"""
    data = await watched.manager.data(asked, id=watched.id)
    said = [(node["version"], node["summary"], node["enabled"]) for node in data["timeline"]["nodes"]]
    assert said == [
        (8, "Retired the alert rule Sales", False),
        (7, "Paused the alert rule Sales", False),
        (6, "Set the alert rule Sales", True),
    ]
    assert {node["type"] for node in data["timeline"]["nodes"]} == {"ALERT_RULE_SET"}
    assert {node["recordedBy"] for node in data["timeline"]["nodes"]} == {data["viewer"]["email"]}


async def test_of_what_was_reported_before_it_a_new_rule_finds_how_things_stand_and_tells_nobody(
    watched: Watched,
) -> None:
    for number in (1, 2, 3):
        await watched.report(number, 600_000)
    await watched.set_rule()
    await watched.evaluate()
    alert = await watched.alert()
    assert (alert["status"], alert["details"]["periodStart"]) == ("OPEN", "2150-03-01")
    assert alert["deliveries"] == []


async def test_8_rules_set_at_once_are_all_set(watched: Watched) -> None:
    await asyncio.gather(*[watched.set_rule(name=f"rule {place}") for place in range(8)])
    assert sorted(rule["name"] for rule in await watched.rules()) == [f"rule {place}" for place in range(8)]


async def test_of_8_rules_of_one_name_set_at_once_one_is_set(watched: Watched) -> None:
    payloads = await asyncio.gather(*[watched.create() for _ in range(8)])
    assert sorted(map(refusals, payloads)) == [[]] + [[("INVALID_STATE", ["name"])]] * 7
    assert len(await watched.rules()) == 1
    assert await watched.version() == 6


# Setting it otherwise.


async def test_a_rule_set_otherwise_keeps_its_id_and_when_it_was_first_set(watched: Watched) -> None:
    rule = await watched.set_rule()
    payload = await watched.update(rule["id"], **EVERYTHING)
    changed = payload["rule"]
    assert payload["errors"] == []
    assert {name: changed[name] for name in EVERYTHING} == EVERYTHING
    assert (changed["id"], changed["createdAt"], changed["version"]) == (rule["id"], rule["createdAt"], 7)
    assert changed["updatedAt"] > rule["updatedAt"]
    assert await watched.rules() == [changed]


async def test_what_is_left_out_of_an_update_is_set_to_its_default(watched: Watched) -> None:
    rule = await watched.set_rule(**EVERYTHING)
    changed = (await watched.update(rule["id"]))["rule"]
    assert (changed["direction"], changed["companyIds"], changed["enabled"]) == ("UNFAVOURABLE", None, True)


async def test_a_rule_may_keep_its_own_name_and_take_a_retired_one(watched: Watched) -> None:
    rule, other = await watched.set_rule(), await watched.set_rule(name="Other")
    assert (await watched.update(rule["id"], cooldownMinutes=1))["errors"] == []
    await retire(watched.manager, other["id"])
    assert (await watched.update(rule["id"], name="Other"))["errors"] == []
    assert (await watched.create())["errors"] == []
    assert [one["name"] for one in await watched.rules()] == ["Other", "Sales"]


async def test_a_rule_set_otherwise_does_not_rewrite_what_it_alerted(watched: Watched) -> None:
    rule = await watched.set_rule()
    before = await watched.miss()
    # Not even a warning any more by the new ladder, once that is evaluated.
    ladder = [{"severity": "INFO", "percent": "90"}]
    await watched.update(rule["id"], name="Lenient", ladder=ladder)
    after = await watched.alert()
    assert (after["severity"], after["status"]) == ("URGENT", "OPEN")
    assert (after["why"], after["revision"]) == (before["why"], before["revision"])
    assert after["rule"]["name"] == "Lenient"
    await watched.evaluate()
    over = await watched.alert()
    assert (over["severity"], over["status"], over["resolution"]) == ("URGENT", "RESOLVED", "The rule was changed.")


async def test_a_paused_rule_rates_nothing_and_its_alerts_are_suppressed_until_it_goes_on(watched: Watched) -> None:
    rule = await watched.set_rule()
    assert (await watched.miss())["status"] == "OPEN"
    await watched.update(rule["id"], enabled=False)
    assert (await watched.alert())["status"] == "SUPPRESSED"
    await watched.report(1, 600_000, company="beta")
    assert (await watched.alert())["company"]["companyId"] == "acme"
    await watched.update(rule["id"], enabled=True)
    await watched.evaluate()
    assert [(one["company"]["companyId"], one["status"]) for one in await watched.alerts()] == [
        ("beta", "OPEN"),
        ("acme", "OPEN"),
    ]


async def test_8_updates_at_once_are_all_recorded_and_the_newest_says_how_it_stands(watched: Watched) -> None:
    rule = await watched.set_rule()
    payloads = await asyncio.gather(*[watched.update(rule["id"], cooldownMinutes=place) for place in range(8)])
    assert [payload["errors"] for payload in payloads] == [[]] * 8
    assert await watched.version() == 14
    (stands,) = await watched.rules()
    assert stands["version"] == 14


# Retiring it.


async def test_a_retired_rule_is_listed_no_more_and_its_alerts_are_over(watched: Watched) -> None:
    rule = await watched.set_rule()
    await watched.miss()
    payload = await retire(watched.manager, rule["id"])
    assert payload["errors"] == []
    assert payload["rule"] == {**rule, "retired": True, "version": 9, "updatedAt": payload["rule"]["updatedAt"]}
    assert await watched.rules() == []
    await watched.evaluate()
    alert = await watched.alert()
    assert (alert["status"], alert["resolution"]) == ("RESOLVED", "The rule was retired.")
    # It stays to be seen.
    assert (await watched.viewer.data(NODE, id=rule["id"]))["node"]["retired"] is True


async def test_a_retired_rule_is_neither_retired_again_nor_set_otherwise(watched: Watched) -> None:
    rule = await watched.set_rule()
    await retire(watched.manager, rule["id"])
    refused = [await retire(watched.manager, rule["id"]), await watched.update(rule["id"])]
    refusal = {"code": "INVALID_STATE", "message": "This rule is retired.", "path": ["id"]}
    assert refused == [{"rule": None, "errors": [refusal]}] * 2
    assert await watched.version() == 7


# Rules that can't be.


def rungs(*given: tuple[str, str | None, str | None]) -> Json:
    ladder = [{"severity": severity, "percent": percent, "absolute": absolute} for severity, percent, absolute in given]
    return {"ladder": ladder}


# What is changed in a rule that can be, the code, and the path.
REFUSED: list[tuple[Json, str, str]] = [
    ({"name": ""}, "INVALID", "name"),
    ({"name": " \t"}, "INVALID", "name"),
    ({"name": "x" * 201}, "INVALID", "name"),
    ({"name": "a\0b"}, "INVALID", "name"),
    ({"metrics": []}, "INVALID", "metrics"),
    ({"metrics": ["ARR", "REVENUE", "ARR"]}, "INVALID", "metrics 2"),
    ({"ladder": []}, "INVALID", "ladder"),
    (rungs(*[("INFO", "1", None)] * 5), "INVALID", "ladder"),
    (rungs(("CRITICAL", "10", None), ("WARNING", "20", None)), "INVALID", "ladder 1 severity"),
    (rungs(("INFO", "1", None), ("WARNING", "2", None), ("WARNING", "3", None)), "INVALID", "ladder 2 severity"),
    (rungs(("WARNING", "10", None), ("CRITICAL", "9.999999", None)), "INVALID", "ladder 1 percent"),
    (rungs(("WARNING", "10", None), ("CRITICAL", None, "5"), ("URGENT", "9", "5")), "INVALID", "ladder 2 percent"),
    (rungs(("WARNING", "10", "50"), ("CRITICAL", "10", "49.99")), "INVALID", "ladder 1 absolute"),
    (rungs(("WARNING", "0", None)), "INVALID", "ladder 0 percent"),
    (rungs(("WARNING", "-10", None)), "INVALID", "ladder 0 percent"),
    (rungs(("WARNING", None, "0.00")), "INVALID", "ladder 0 absolute"),
    (rungs(("WARNING", "10", None), ("CRITICAL", "20", "-1")), "INVALID", "ladder 1 absolute"),
    (rungs(("WARNING", "10", None), ("CRITICAL", None, None)), "INVALID", "ladder 1"),
    ({**rungs(("WARNING", None, "10")), "combine": "PERCENT_ONLY"}, "INVALID", "ladder 0 percent"),
    ({**rungs(("WARNING", "10", None)), "combine": "ABSOLUTE_ONLY"}, "INVALID", "ladder 0 absolute"),
    ({"companyIds": []}, "INVALID", "companyIds"),
    ({"companyIds": ["acme", ""]}, "INVALID", "companyIds 1"),
    ({"companyIds": ["\0"]}, "INVALID", "companyIds 0"),
    ({"companyIds": ["acme", "beta", "acme"]}, "INVALID", "companyIds 2"),
    ({"companyIds": [f"company {place}" for place in range(1_001)]}, "INVALID", "companyIds"),
    ({"companyIds": ["acme", "nobody"]}, "NOT_FOUND", "companyIds 1"),
    ({"companyIds": ["Acme"]}, "NOT_FOUND", "companyIds 0"),
    ({"stages": []}, "INVALID", "stages"),
    ({"stages": ["Seed", " "]}, "INVALID", "stages 1"),
    ({"stages": ["Seed", "Seed"]}, "INVALID", "stages 1"),
    ({"stages": ["x" * 201]}, "INVALID", "stages 0"),
    ({"metrics": ["HEADCOUNT"]}, "INVALID", "direction"),
    ({"metrics": ["HEADCOUNT"], "direction": "FAVOURABLE"}, "INVALID", "direction"),
    ({"persistence": 0}, "INVALID", "persistence"),
    ({"persistence": -1}, "INVALID", "persistence"),
    ({"persistence": 2}, "INVALID", "persistence"),
    ({"persistence": 3, "persistenceWindow": 2}, "INVALID", "persistence"),
    ({"persistenceWindow": 0}, "INVALID", "persistenceWindow"),
    ({"persistenceWindow": 25}, "INVALID", "persistenceWindow"),
    ({"clearAt": "0"}, "INVALID", "clearAt"),
    ({"clearAt": "-0.8"}, "INVALID", "clearAt"),
    ({"clearAt": "1.000000000000000000000000000000000001"}, "INVALID", "clearAt"),
    ({"cooldownMinutes": -1}, "INVALID", "cooldownMinutes"),
    ({"cooldownMinutes": 527_041}, "INVALID", "cooldownMinutes"),
    ({"channels": []}, "INVALID", "channels"),
    ({"channels": ["IN_APP", "IN_APP"]}, "INVALID", "channels 1"),
    ({"channels": ["EMAIL"]}, "INVALID_STATE", "channels 0"),
    ({"channels": ["IN_APP", "SLACK"]}, "INVALID_STATE", "channels 1"),
    ({"channels": ["WEBHOOK", "IN_APP"]}, "INVALID_STATE", "channels 0"),
]


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    REFUSED,
    ids=[f"{place}-{path.replace(' ', '.')}" for place, (_, _, path) in enumerate(REFUSED)],
)
async def test_a_rule_that_cant_be_is_refused_and_nothing_is_recorded(
    settled: Watched, changes: Json, code: str, path: str
) -> None:
    before = await settled.rules()
    created = await settled.create(**{"name": "New", **changes})
    updated = await settled.update(before[0]["id"], **changes)
    for payload in (created, updated):
        assert refusals(payload) == [(code, path.split())]
        assert payload["rule"] is None
        assert payload["errors"][0]["message"].endswith(".")
        assert "\0" not in payload["errors"][0]["message"]
    assert await settled.rules() == before
    assert await settled.version() == 6


async def test_what_is_just_within_every_limit_is_a_rule(watched: Watched) -> None:
    rule = await watched.set_rule(
        name="x" * 200,
        ladder=[
            {"severity": severity, "percent": "10", "absolute": "10"}
            for severity in ("INFO", "WARNING", "CRITICAL", "URGENT")
        ],
        persistence=24,
        persistenceWindow=24,
        clearAt="1",
        cooldownMinutes=527_040,
        metrics=["HEADCOUNT", "REVENUE"],
        stages=["nobody is there yet"],
    )
    assert (rule["clearAt"], rule["cooldownMinutes"], len(rule["ladder"])) == ("1", 527_040, 4)


async def test_two_rules_of_a_fund_have_no_name_in_common(watched: Watched, settled: Watched) -> None:
    await watched.set_rule()
    other = await watched.set_rule(name="sales")
    message = "Another rule is called 'Sales'."
    refusal = {"code": "INVALID_STATE", "message": message, "path": ["name"]}
    for payload in (await watched.create(), await watched.update(other["id"])):
        assert payload == {"rule": None, "errors": [refusal]}
    # What another fund calls its own is no matter.
    assert [rule["name"] for rule in await settled.rules()] == ["Sales"]


async def test_a_channel_that_the_fund_hasnt_is_named_with_what_to_do(settled: Watched) -> None:
    payload = await settled.create(name="New", channels=["IN_APP", "EMAIL"])
    message = "The fund has no channel EMAIL; set it with setAlertChannel first."
    assert payload["errors"] == [{"code": "INVALID_STATE", "message": message, "path": ["channels", "1"]}]


# Values, and the path of the one that is no value.
NO_VALUES: list[tuple[Json, list[str]]] = [
    (rungs(("WARNING", "NaN", None)), ["input", "ladder", "0", "percent"]),
    (rungs(("WARNING", "Infinity", None)), ["input", "ladder", "0", "percent"]),
    (rungs(("WARNING", "1e3", None)), ["input", "ladder", "0", "percent"]),
    (rungs(("WARNING", "9" * 39, None)), ["input", "ladder", "0", "percent"]),
    (rungs(("DREADFUL", "1", None)), ["input", "ladder", "0", "severity"]),
    ({"ladder": [{"severity": "INFO", "percent": 10}]}, ["input", "ladder", "0", "percent"]),
    ({"ladder": None}, ["input", "ladder"]),
    ({"ladder": [None]}, ["input", "ladder", "0"]),
    ({"metrics": ["PROFIT"]}, ["input", "metrics", "0"]),
    ({"metrics": None}, ["input", "metrics"]),
    ({"metrics": [None]}, ["input", "metrics", "0"]),
    ({"name": None}, ["input", "name"]),
    ({"companyIds": [None]}, ["input", "companyIds", "0"]),
    ({"channels": ["PIGEON"]}, ["input", "channels", "0"]),
    ({"direction": "SIDEWAYS"}, ["input", "direction"]),
    ({"clearAt": 0.8}, ["input", "clearAt"]),
    ({"persistence": 1.5}, ["input", "persistence"]),
    ({"cooldownMinutes": 2**31}, ["input", "cooldownMinutes"]),
    ({"enabled": "yes"}, ["input", "enabled"]),
    ({"severity": "INFO"}, ["input"]),
]


@pytest.mark.parametrize(("changes", "argument"), NO_VALUES)
async def test_what_is_no_value_of_its_field_is_bad_input(settled: Watched, changes: Json, argument: list[str]) -> None:
    error = await settled.manager.error(CREATE, input=settled.rule(**{"name": "New", **changes}))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"] == argument
    assert await settled.version() == 6


# Who may.


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, None])
async def test_a_manager_and_whoever_is_above_may_set_change_and_retire(
    watched: Watched, caller: MakeCaller, role: Role | None
) -> None:
    someone = await caller(role, watched.fund.uuid, administrator=role is None)
    rule = (await someone.data(CREATE, input=watched.rule()))["createAlertRule"]["rule"]
    changed = (await someone.data(UPDATE, id=rule["id"], input=watched.rule(name="B")))["updateAlertRule"]["rule"]
    assert (changed["id"], changed["name"]) == (rule["id"], "B")
    assert (await retire(someone, rule["id"]))["rule"]["retired"] is True


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
async def test_viewers_and_analysts_see_rules_and_change_nothing(
    settled: Watched, caller: MakeCaller, role: Role
) -> None:
    someone = await caller(role, settled.fund.uuid)
    (rule,) = await settled.rules()
    assert (await someone.data(RULES, id=settled.id))["alertRules"] == [rule]
    message = f"This takes the role MANAGER; yours is {role}."
    given = settled.rule(name="New")
    created = (await someone.data(CREATE, input=given))["createAlertRule"]
    updated = (await someone.data(UPDATE, id=rule["id"], input=given))["updateAlertRule"]
    retired = await retire(someone, rule["id"])
    for payload, path in ((created, "fundId"), (updated, "fundId"), (retired, "id")):
        assert payload == {"rule": None, "errors": [{"code": "FORBIDDEN", "message": message, "path": [path]}]}
    assert await settled.rules() == [rule]
    assert await settled.version() == 6


async def test_a_stranger_cant_tell_a_foreign_fund_and_its_rules_from_none(settled: Watched, stranger: Caller) -> None:
    (rule,) = await settled.rules()
    answers = []
    for fund_id in (settled.id, ABSENT):
        id = rule["id"].replace(settled.id, fund_id)
        given = {**settled.rule(name="New"), "fundId": fund_id}
        answers.append(
            [
                await stranger.data(CREATE, input=given),
                await stranger.data(UPDATE, id=id, input=given),
                await stranger.data(RETIRE, id=id),
                await stranger.data(NODE, id=id),
            ]
        )
        error = await stranger.error(RULES, id=fund_id)
        assert (error["message"], error["extensions"]["code"]) == ("No such fund.", "NOT_FOUND")
        assert error["extensions"]["argument"] == ["fundId"]
    assert answers[0] == answers[1]
    created, updated, retired, node = answers[0]
    assert refusals(created["createAlertRule"]) == refusals(updated["updateAlertRule"]) == [("NOT_FOUND", ["fundId"])]
    refusal = {"code": "NOT_FOUND", "message": "No such rule.", "path": ["id"]}
    assert retired["retireAlertRule"] == {"rule": None, "errors": [refusal]}
    assert node == {"node": None}
    assert await settled.version() == 6


async def test_without_a_token_nobody_sees_or_changes_a_rule(settled: Watched) -> None:
    nobody = Caller(settled.manager.http)
    (rule,) = await settled.rules()
    given = settled.rule(name="New")
    asked = [(RULES, {"id": settled.id}), (NODE, {"id": rule["id"]}), (RETIRE, {"id": rule["id"]})]
    for query, variables in [*asked, (CREATE, {"input": given}), (UPDATE, {"id": rule["id"], "input": given})]:
        assert await nobody.code(query, **variables) == "UNAUTHENTICATED"
    assert await settled.version() == 6


async def test_a_rule_of_another_fund_is_none_of_this_one_even_for_its_manager(
    settled: Watched, watched: Watched, caller: MakeCaller
) -> None:
    administrator = await caller(administrator=True)
    (rule,) = await settled.rules()
    own = await watched.set_rule()
    refusal = {"code": "NOT_FOUND", "message": "No such rule.", "path": ["id"]}
    # The other fund's id, and its rule's name under this fund's.
    for id in (rule["id"], rule["id"].replace(settled.id, watched.id)):
        payload = (await administrator.data(UPDATE, id=id, input=watched.rule()))["updateAlertRule"]
        assert payload == {"rule": None, "errors": [refusal]}
    payload = await retire(administrator, rule["id"].replace(settled.id, watched.id))
    assert payload == {"rule": None, "errors": [refusal]}
    assert (await settled.rules(), await watched.rules()) == ([rule], [own])


NO_RULES = [
    "", " ", "\0", "rule", "rule:", "rule:{fund}", "rule:{fund}:", "rule:{fund}:nothing", "rule:{fund}:\0",
    "rule:{fund}:{rule} ", "rule: {fund}:{rule}", "rule:{{fund}}:{rule}", "{fund}", "{rule}", "fact:{fund}:6",
    "alert:{fund}:{rule}", "rulethen:{fund}:{rule}", "rulethen:{fund}:1:{rule}", "Rule:{fund}:{rule}", "x" * 100_000,
    "rule:{fund}:" + "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("id", NO_RULES, ids=[f"{place}-{id[:24]!r}" for place, id in enumerate(NO_RULES)])
async def test_an_id_that_is_no_rules_is_not_found(settled: Watched, id: str) -> None:
    (rule,) = await settled.rules()
    given = id.replace("{fund}", settled.id).replace("{rule}", rule["id"].rpartition(":")[2])
    refusal = {"code": "NOT_FOUND", "message": "No such rule.", "path": ["id"]}
    assert await retire(settled.manager, given) == {"rule": None, "errors": [refusal]}
    assert await settled.update(given) == {"rule": None, "errors": [refusal]}
    assert await settled.version() == 6


@pytest.mark.parametrize("fund_id", ["", "garbage", "\0", ABSENT, "x" * 100_000])
async def test_in_what_is_no_fund_no_rule_is_set(settled: Watched, fund_id: str) -> None:
    refusal = {"code": "NOT_FOUND", "message": "No such fund.", "path": ["fundId"]}
    assert await settled.create(fundId=fund_id) == {"rule": None, "errors": [refusal]}


# Now and then.


async def test_a_rule_is_found_by_its_id_as_it_stands(watched: Watched) -> None:
    rule = await watched.set_rule()
    changed = (await watched.update(rule["id"], name="Revenue"))["rule"]
    found = await watched.viewer.data(NODE, id=rule["id"])
    assert found == {"node": {"__typename": "AlertRule", **changed}}
    assert await watched.viewer.data(NODE, id=f"rule:{watched.id}:{uuid4().hex}") == {"node": None}


async def test_a_rule_seen_at_a_moment_has_an_id_of_its_own_that_finds_it_as_it_stood_then(watched: Watched) -> None:
    rule = await watched.set_rule()
    alert = await watched.miss()
    await watched.update(rule["id"], name="Lenient", ladder=[{"severity": "INFO", "percent": "90"}])
    data = await watched.viewer.data(RULE_THEN, id=watched.id, at=alert["updatedAt"])
    (seen,) = data["fund"]["varianceAlerts"]
    then = seen["rule"]
    assert (then["name"], then["version"], then["ladder"][0]["percent"]) == ("Sales", 6, "10")
    assert then["id"].startswith(f"rulethen:{watched.id}:")
    assert then["id"].rpartition(":")[2] == rule["id"].rpartition(":")[2]
    found = (await watched.viewer.data(NODE, id=then["id"]))["node"]
    assert found == {**rule, "__typename": "AlertRule", "id": then["id"]}
    # By the same id, a rule of a moment before it was set isn't there.
    kind, fund_id, at, known_at, name = then["id"].split(":")
    before = f"{kind}:{fund_id}:1136073600000000:{known_at}:{name}"
    assert await watched.viewer.data(NODE, id=before) == {"node": None}
    assert await watched.viewer.data(NODE, id=f"{kind}:{fund_id}:x:{known_at}:{name}") == {"node": None}
    assert await watched.viewer.data(NODE, id=f"{kind}:{fund_id}:{at}:{known_at}:nothing") == {"node": None}


async def test_an_id_of_a_moment_changes_and_retires_the_rule_it_means(watched: Watched) -> None:
    rule = await watched.set_rule()
    await watched.miss()
    data = await watched.viewer.data(RULE_THEN, id=watched.id)
    then = data["fund"]["varianceAlerts"][0]["rule"]["id"]
    changed = await watched.update(then, name="Revenue")
    assert (changed["errors"], changed["rule"]["id"], changed["rule"]["name"]) == ([], rule["id"], "Revenue")
    retired = await retire(watched.manager, then)
    assert (retired["errors"], retired["rule"]["id"], retired["rule"]["retired"]) == ([], rule["id"], True)


async def test_a_rule_covers_only_the_companies_stages_and_metrics_it_names(watched: Watched) -> None:
    await watched.record(planned(400_000, metric="CASH_BURN"), planned(400_000, metric="CASH_BURN", company="beta"))
    await watched.set_rule(name="by company", companyIds=["beta"])
    await watched.set_rule(name="by stage", stages=["Seed", "Series C"], metrics=["CASH_BURN"])
    await watched.record(
        reported(1, 600_000), reported(1, 600_000, company="beta"),
        reported(1, 600_000, metric="CASH_BURN"), reported(1, 600_000, company="beta", metric="CASH_BURN"),
    )  # fmt: skip
    found = [(one["rule"]["name"], one["company"]["companyId"], one["metricType"]) for one in await watched.alerts()]
    assert sorted(found) == [("by company", "beta", "REVENUE"), ("by stage", "acme", "CASH_BURN")]


async def test_rules_of_a_fund_without_any_are_none(fund: OpenedFund) -> None:
    assert await fund.analyst.data(RULES, id=fund.id) == {"alertRules": []}
