"""Companies drawn around the default odds, no two of them alike, and one with each class of shares."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from domain.reserves.confidence import drawn_odds
from domain.reserves.sight import Holding
from domain.reserves.simulation import Stake
from domain.reserves.tree import Odds, Tree, from_stage
from tests.domain.reserves.trees import CLASSES, MILLION, ending, step, tree

ENTRIES = {"seed": 0.30, "a": 0.33, "b": 0.21, "c": 0.11}
"""Of companies with a round to come, by stage, beside the 0.05 of those without."""
POSTS = {"seed": 10.0, "a": 35.0, "b": 90.0, "c": 250.0}
"""Median post-money in millions; the odds know only multiples of it."""
POST_SIGMA = 0.4
MOST_WAITED = 30.0
LEAST_OWNED, MOST_OWNED = 0.03, 0.15
PREFERRED = tuple(
    Stake(
        f"class {number}",
        tree(
            [step(0.6, 40, 10, sigma=0.4), step(0.5, 90, 30)],
            [ending(0.2, 15, 0.7), ending(0.1, 120)],
            [ending(0.3, 60, 1.0)],
            [ending(0.6, 200, 0.5)],
            shares=shares,
        ),
        0.2,
        3 * MILLION,
    )
    for number, shares in enumerate(CLASSES)
)
"""One company with each class of shares, its values spread."""


def drawn_companies(number: int, seed: int, entries: Mapping[str, float] = ENTRIES) -> list[Stake]:
    """So many companies: stage, value, wait and ownership drawn, and what might become of them drawn as well."""
    numbers, found = np.random.default_rng(seed), []
    shares = np.array(list(entries.values()))
    for place in range(number):
        stage = str(numbers.choice(list(entries), p=shares / shares.sum()))
        post = POSTS[stage] * MILLION * float(np.exp(POST_SIGMA * numbers.standard_normal()))
        told = from_stage(stage, post, float(numbers.uniform(0.0, MOST_WAITED)))
        key, ownership = f"company {place}", float(numbers.uniform(LEAST_OWNED, MOST_OWNED))
        found.append(Stake(key, as_drawn(told, drawn_odds(told, seed, key), 0), ownership, ownership * post))
    return found


def stage_of(one: Stake) -> str:
    """The stage that such a company was drawn at: it has that many rounds to come."""
    return list(ENTRIES)[-len(one.tree.steps)]


def holding(one: Stake, planned: float = MILLION) -> Holding:
    """The company as a run sees it, so many dollars planned."""
    invested = round(one.paid * 100)
    return Holding(one.key, one.key, stage_of(one), one.ownership, invested, round(planned * 100), 0, one.tree)


def as_drawn(tree: Tree, odds: Odds, draw: int) -> Tree:
    """The tree with one draw of its odds and step-ups for its own."""
    steps = [
        replace(step, probability=float(onward[draw]), post=step.post * grown, size=step.size * grown)
        for step, onward, grown in zip(tree.steps, odds.onward, odds.grown[1:, draw].tolist(), strict=True)
    ]
    endings = [
        tuple(
            replace(ending, probability=float(ended[draw]), median=ending.median * grown)
            for ending, ended in zip(endings, chances, strict=True)
        )
        for endings, chances, grown in zip(tree.endings, odds.ended, odds.grown[:, draw].tolist(), strict=True)
    ]
    return replace(tree, steps=tuple(steps), endings=tuple(endings))
