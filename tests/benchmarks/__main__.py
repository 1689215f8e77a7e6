"""`python -m tests.benchmarks`: measures the product beside what it is compared to, and says what came of it."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import uvloop

from infra import tenancy
from tests.benchmarks import (
    alerting,
    allocating,
    appending,
    asking,
    evaluating,
    following,
    growing,
    importing,
    library,
    loading,
    looking,
    ranking,
    recommending,
    replaying,
    report,
    simulating,
    storing,
)
from tests.benchmarks.ground import FULL, QUICK, Ground
from tests.benchmarks.machine import machine
from tests.benchmarks.results import Figure

BENCHMARKS: Mapping[str, Callable[[Ground], Awaitable[list[Figure]]]] = {
    "append": appending.single,
    "batches": appending.in_batches,
    "replay": replaying.replay,
    "snapshots": replaying.snapshots,
    "ask": asking.ask,
    "follow": following.follow,
    "evaluate": evaluating.evaluate,
    "alert": alerting.alert,
    "rank": ranking.rank,
    "simulate": simulating.simulate,
    "allocate": allocating.allocation,
    "recommend": recommending.recommend,
    "library": library.compare,
    "import": importing.importing,
    "storage": storing.storage,
    "grow": growing.grow,
    "load": loading.load,
    "look": looking.look,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="one benchmark; may be given again")
    parser.add_argument("--quick", action="store_true", help="see that it runs; the figures mean nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round there")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown too")
    return parser.parse_args()


def _say(what: str) -> None:
    print(f"· {what}", file=sys.stderr, flush=True)


async def _measure(
    names: Sequence[str], described: dict[str, str], found: dict[str, Sequence[Figure]], *, quick: bool
) -> None:
    async with Ground(QUICK if quick else FULL, _say) as ground:
        described.update(await machine(ground))
        for name in names:
            begun = perf_counter()
            found[name] = await BENCHMARKS[name](ground)
            _say(f"{name}: {perf_counter() - begun:,.1f} s")


def main() -> None:
    given = _arguments()
    names = given.only or list(BENCHMARKS)
    described: dict[str, str] = {}
    found: dict[str, Sequence[Figure]] = {}
    try:
        # The loop that the product's own server runs on.
        with tenancy.everyone():
            uvloop.run(_measure(names, described, found, quick=given.quick))
    finally:
        # What was found before a fault is found.
        _tell(given, described, found)


def _tell(given: argparse.Namespace, described: Mapping[str, str], found: report.Found) -> None:
    for what, told in described.items():
        print(f"{what:>11}  {told}")
    print()
    report.show(found)
    if given.markdown:
        print("\n" + report.markdown(found))
    if given.json is not None:
        report.write_json(given.json, described, found)


if __name__ == "__main__":
    main()
