"""Trees and companies in short, and what they bring by going through every path one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from hypothesis import settings, strategies as st

from domain.forecasting import PreferenceKind
from domain.reserves.exits import ShareClass
from domain.reserves.tree import Ending, Step, Tree
from tests.depth import deep

MILLION = 1_000_000.0
PROPERTY = settings(max_examples=deep(25, 60), deadline=None, derandomize=True, database=None)


def ending(
    probability: float, value: float, sigma: float = 0.0, months: float = 24.0, alpha: float | None = None
) -> Ending:
    """An exit at so many millions, the median where it is spread, the least where it has a tail."""
    return Ending(probability, value * MILLION, sigma, months, alpha)


def step(
    probability: float, pre: float, size: float, pool: float = 0.05, sigma: float = 0.0, months: float = 18.0
) -> Step:
    """A round of so many millions at so many millions before them."""
    return Step("a", probability, (pre + size) * MILLION, size * MILLION, pool, sigma, months)


def tree(
    steps: Sequence[Step], *endings: Sequence[Ending], shares: ShareClass | None = None, super_pro_rata: float = 0.0
) -> Tree:
    """A tree; endings for each node in turn."""
    return Tree(tuple(steps), tuple(tuple(ends) for ends in endings), shares or ShareClass(), super_pro_rata)


KNOWN = tree(
    [step(0.5, 40, 10), step(0.4, 75, 30)],
    [],
    [ending(0.42, 90)],
    [ending(0.5, 300)],
)
"""For an owner of 12%: caps of 1.2 and 3.42 million, of which the next dollar brings 1.553143 and 1.428571."""

CLASSES = (
    ShareClass(),
    ShareClass(PreferenceKind.NON_PARTICIPATING),
    ShareClass(PreferenceKind.NON_PARTICIPATING, 2.0),
    ShareClass(PreferenceKind.PARTICIPATING),
    ShareClass(PreferenceKind.PARTICIPATING, 1.5, 3.0),
)


def plain_payoff(value: float, shares: ShareClass, owned: float, paid: float) -> float:
    """What shares get of a value, as a lawyer would reckon it."""
    if owned <= 0:
        return 0.0
    first = min(value, shares.multiple * paid)
    common = owned * value
    match shares.kind:
        case PreferenceKind.COMMON:
            return common
        case PreferenceKind.NON_PARTICIPATING:
            return max(first, common)
        case PreferenceKind.PARTICIPATING:
            together = first + owned * (value - first)
            return together if shares.cap is None else max(min(together, shares.cap * paid), common)


@st.composite
def trees(draw: st.DrawFn, most_rounds: int = 3, *, certain: bool = True) -> Tree:
    """Trees of up to so many rounds; exits and step-ups without any spread if `certain`."""
    rounds = draw(st.integers(1, most_rounds))
    sigmas = st.just(0.0) if certain else st.floats(0.0, 1.0)
    steps, endings = [], []
    for node in range(rounds + 1):
        parts = draw(st.lists(st.integers(0, 10), min_size=3, max_size=3).filter(any))
        onward, *ended = [part / (sum(parts) + 1) for part in parts]
        endings.append([ending(p, draw(st.floats(0, 900)), draw(sigmas), draw(st.floats(0, 60))) for p in ended])
        if node < rounds:
            pre, size = draw(st.floats(5, 300)), draw(st.floats(1, 60))
            pool, months = draw(st.floats(0, 0.1)), draw(st.floats(0, 36))
            steps.append(step(onward, pre, size, pool, draw(sigmas), months))
    return tree(
        steps, *endings, shares=draw(st.sampled_from(CLASSES)), super_pro_rata=draw(st.sampled_from([0.0, 0.5, 30.0]))
    )


def tiny(one: Tree) -> Tree:
    """The same company a million times smaller: nothing of it comes near the cut."""
    steps = [replace(each, post=each.post / MILLION, size=each.size / MILLION) for each in one.steps]
    endings = [[replace(each, median=each.median / MILLION) for each in ends] for ends in one.endings]
    return replace(one, steps=tuple(steps), endings=tuple(map(tuple, endings)))


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a tree: its probability, the rounds raised, and how it ends; None where it fails."""

    probability: float
    rounds: int
    end: Ending | None


def paths(one: Tree) -> list[Path]:
    """Every way through a tree."""
    found, reached = [], 1.0
    for node, ends in enumerate(one.endings):
        onward = one.steps[node].probability if node < len(one.steps) else 0.0
        found += [Path(reached * end.probability, node, end) for end in ends]
        failed = 1.0 - onward - sum(end.probability for end in ends)
        found.append(Path(reached * failed, node, None))
        reached *= onward
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reserve costs and brings on one path, and what was held before brings, in dollars of today."""

    drawn: float
    added: float
    held: float


def follow(one: Tree, path: Path, ownership: float, paid: float, reserve: float, rate: float = 0.0) -> Outcome:
    """Goes down a path of a tree without any spread, a cheque at each round for pro rata or what is left."""
    left, month, drawn = reserve, 0.0, 0.0
    base, owned, classes = ownership, ownership, list[tuple[float, float, float]]()
    for round_ in one.steps[: path.rounds]:
        month += round_.months
        kept = max(1.0 - round_.size / round_.post - round_.pool, 0.0)
        cheque = min(left, owned * round_.size * (1.0 + one.super_pro_rata), round_.size)
        left -= cheque
        drawn += cheque / (1.0 + rate) ** (month / 12)
        owned, base = owned * kept + cheque / round_.post, base * kept
        classes = [(fraction * kept, size, part) for fraction, size, part in classes]
        classes.append((round_.size / round_.post, round_.size, cheque / round_.size))
    if path.end is None:
        return Outcome(drawn, 0.0, 0.0)
    now = (1.0 + rate) ** (-(month + path.end.months) / 12)
    value = path.end.median
    brought = [part * plain_payoff(value, one.shares, fraction, size) for fraction, size, part in classes]
    return Outcome(drawn, now * sum(brought), now * plain_payoff(value, one.shares, base, paid))


def expected(one: Tree, ownership: float, paid: float, reserve: float, rate: float = 0.0) -> Outcome:
    """The same on average over all paths."""
    found = [(path.probability, follow(one, path, ownership, paid, reserve, rate)) for path in paths(one)]
    return Outcome(
        sum(probability * outcome.drawn for probability, outcome in found),
        sum(probability * outcome.added for probability, outcome in found),
        sum(probability * outcome.held for probability, outcome in found),
    )


def scattered(sigmas: Sequence[float], nodes: Sequence[tuple[float, float]]) -> list[tuple[float, list[float]]]:
    """Every combination of normal numbers, scaled by these sigmas, with its weight."""
    combinations = product(nodes, repeat=len(sigmas))
    found = []
    for combination in combinations:
        weight = 1.0
        for part, _ in combination:
            weight *= part
        found.append((weight, [sigma * normal for sigma, (_, normal) in zip(sigmas, combination, strict=True)]))
    return found
