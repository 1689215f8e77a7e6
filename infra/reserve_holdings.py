"""Reserve holdings: each company with the tree of how it may go on, or why it has none. It loads NumPy."""

from datetime import datetime

from domain.forecasting import DealForecastCreated
from domain.fund import Holding as Held
from domain.reserves.model import ReserveModelSet
from domain.reserves.sight import Holding
from domain.reserves.tree import Tree, UnavailableModel, from_forecast, from_stage
from infra.figures import CompanyFigures

DAYS_A_MONTH = 30.44
CENTS = 100


def holding(
    one: Held, figures: CompanyFigures | None, at: datetime, priced_at: datetime | None, model: ReserveModelSet
) -> Holding:
    """A company as a run sees it."""
    tree: Tree | None = None
    why = ""
    try:
        tree = _tree(one, figures, at, priced_at, model)
    except UnavailableModel as fault:
        why = str(fault)
    return Holding(
        id=one.company_id,
        name=one.name,
        stage=one.stage,
        ownership=float(one.ownership or 0),
        invested=one.invested,
        planned=one.planned_reserves,
        deployed=one.deployed_reserves,
        tree=tree,
        unavailable=why,
    )


def _tree(
    one: Held, figures: CompanyFigures | None, at: datetime, priced_at: datetime | None, model: ReserveModelSet
) -> Tree:
    if one.ownership is None:
        message = "the fund's ownership isn't known"
        raise UnavailableModel(message)
    forecast = figures.deal_forecast.event if figures is not None and figures.deal_forecast is not None else None
    if isinstance(forecast, DealForecastCreated):
        return from_forecast(forecast)
    # Without a priced round it has waited since the fund's last cheque.
    since = priced_at or max((when for when, amount in one.flows if amount < 0), default=at)
    months = max((at - since).days / DAYS_A_MONTH, 0.0)
    return from_stage(one.stage, None if one.valuation is None else one.valuation / CENTS, months, model)
