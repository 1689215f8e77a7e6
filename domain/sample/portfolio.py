"""Portfolio: who the sample's companies are, and the odds by stage."""

from dataclasses import dataclass
from typing import Final

from domain.event import CompanyKey


@dataclass(frozen=True, slots=True)
class Stage:
    """What becomes of companies from a stage on, and what a first cheque at it looks like.

    Source: `reserves.md` section 2 (stage defaults). Those from `post_money` on are assumed.

    Attributes:
        name: As in `ROUND_PRICED`.
        graduate: Chance of a next round.
        exit: Chance of an exit before one; the rest fails.
        dilution: Share of the next round's post-money that its new money buys.
        pool: Share of the next round's post-money added to the option pool.
        step_up: Median of the next pre-money over this post-money.
        exit_multiple: Median of the exit's equity value over the last post-money.
        months_to_graduate: Median.
        months_to_exit: Median; taken for failures too.
        post_money: Median of the round the fund enters by, in dollars; 0 where it never enters.
        round_share: Share of that round's post-money that its new money buys.
        cheque: Median of the first cheque, in dollars.
        arr: Median annual recurring revenue then, in dollars.
        loss: Median loss (negative EBITDA) per dollar of revenue then.
    """

    name: str
    title: str
    graduate: float
    exit: float
    dilution: float
    pool: float
    step_up: float
    exit_multiple: float
    months_to_graduate: float
    months_to_exit: float
    post_money: float = 0.0
    round_share: float = 0.0
    cheque: float = 0.0
    arr: float = 0.0
    loss: float = 0.0


STAGES: Final = (
    Stage("seed", "Seed", 0.45, 0.35, 0.20, 0.05, 2.2, 0.47, 24, 36, 10e6, 0.20, 1.2e6, 0.5e6, 1.3),
    Stage("series_a", "Series A", 0.45, 0.38, 0.15, 0.04, 1.9, 0.63, 22, 36, 32e6, 0.20, 2.8e6, 2.2e6, 0.9),
    Stage("series_b", "Series B", 0.42, 0.42, 0.12, 0.03, 1.7, 0.78, 20, 30, 90e6, 0.15, 4.4e6, 8e6, 0.5),
    Stage("series_c", "Series C", 0.40, 0.45, 0.10, 0.03, 1.5, 0.94, 20, 30),
    Stage("series_d", "Series D", 0.0, 0.75, 0.0, 0.0, 1.0, 1.25, 0, 24),
)
CURRENCY: Final = "USD"
SEED, SERIES_A, SERIES_B = 0, 1, 2
STEP_UP_SIGMA, EXIT_SIGMA, MONTHS_SIGMA = 0.5, 1.05, 0.6


@dataclass(frozen=True, slots=True)
class Profile:
    """A company as the fund met it.

    Attributes:
        stage: Place in `STAGES` of the round the fund entered by.
        quarter: The fund's quarter of the first cheque.
    """

    company_id: CompanyKey
    name: str
    sector: str
    stage: int
    quarter: int


def _profile(name: str, sector: str, stage: int, quarter: int) -> Profile:
    return Profile(CompanyKey(name.split(maxsplit=1)[0].lower()), name, sector, stage, quarter)


PROFILES: Final = (
    _profile("Brindlewake Analytics", "data infrastructure", SERIES_A, 0),
    _profile("Cobblewick Learning", "education", SEED, 1),
    _profile("Larkspire Payments", "fintech", SERIES_A, 1),
    _profile("Fernhollow Robotics", "robotics", SEED, 2),
    _profile("Opaltine Security", "cybersecurity", SERIES_B, 2),
    _profile("Quillmarsh Health", "digital health", SERIES_A, 3),
    _profile("Tindervale Freight", "logistics", SEED, 3),
    _profile("Mossgate Energy", "climate", SERIES_A, 4),
    _profile("Nettlebrook Bio", "biotech tools", SEED, 5),
    _profile("Harrowfen Cover", "insurance", SERIES_A, 5),
    _profile("Saltmeadow Shipping", "logistics", SERIES_B, 6),
    _profile("Wrenfold Legal", "legal software", SEED, 6),
    _profile("Umberlyn Imaging", "digital health", SERIES_A, 7),
    _profile("Dapplecroft Foods", "food", SEED, 8),
    _profile("Gossamere Networks", "telecoms", SERIES_B, 8),
    _profile("Kestrelbeck Space", "aerospace", SERIES_A, 9),
    _profile("Pippinlock Storage", "data infrastructure", SEED, 9),
    _profile("Thistlequay Travel", "travel", SERIES_A, 10),
    _profile("Ivorsedge Games", "games", SEED, 11),
    _profile("Loomwright Textiles", "manufacturing", SERIES_A, 11),
    _profile("Candlefjord Carbon", "climate", SERIES_B, 12),
    _profile("Rookmere Property", "real estate", SEED, 13),
    _profile("Yarrowdeep Minerals", "materials", SERIES_A, 14),
    _profile("Zinnialane Retail", "commerce", SERIES_B, 14),
    _profile("Vellumbay Media", "media", SERIES_A, 15),
)
