"""What each field costs, as the schema says it: `@cost` and `@listSize` in the manner of IBM's cost specification."""

from collections.abc import Iterable, Mapping
from typing import Final

import strawberry
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

ROOTS = frozenset({"Query", "Mutation", "Subscription"})
OBJECT, LEAF, ELEMENT = 1.0, 0.1, 10
"""An object's weight, a value's, and the length of a list that doesn't say. A point is about 50 µs of a processor."""


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.INPUT_FIELD_DEFINITION],
    description="What a field weighs, once for each time it is answered; in an input, what each element given weighs. "
    "Without it an object weighs 1 and a value 0.1. An operation's cost is the sum.",
)
class Cost:
    weight: str = strawberry.directive_field(name="weight")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How long a list is taken to be: what the largest of the slicing arguments says, else the assumed "
    "size. With sized fields it is those of its object that are so long. A list that says nothing counts as 10.",
)
class ListSize:
    assumed_size: int | None = strawberry.directive_field(name="assumedSize", default=strawberry.UNSET)
    slicing_arguments: list[str] | None = strawberry.directive_field(name="slicingArguments", default=strawberry.UNSET)
    sized_fields: list[str] | None = strawberry.directive_field(name="sizedFields", default=strawberry.UNSET)
    require_one_slicing_argument: bool = strawberry.directive_field(name="requireOneSlicingArgument", default=False)


ROOT: Final = Cost(weight="10")
"""Of a question or a change that isn't priced below: who asks is looked up, and the database is asked."""
COSTS: Mapping[str, Cost] = {
    place: Cost(weight=weight)
    for place, weight in {
        "Query.fund": "20",
        "Query.fundChange": "40",
        "Query.optimalReserves": "20",
        "Query.previewAlertRule": "200",
        "Query.variances": "100",
        "Query.varianceSummary": "100",
        "Mutation.calculateOptimalReserves": "500",
        "Mutation.createAlertRule": "100",
        "Mutation.createSnapshot": "50",
        "Mutation.recordEvents": "20",
        "Mutation.testChannel": "100",
        "Mutation.updateAlertRule": "100",
        "ConstrainedReservesInput.companies": "0.05",
        "Fund.series": "50",
        "Fund.state": "20",
        "FundState.varianceAlerts": "10",
        "FundState.variances": "100",
        "FundState.latestRecommendation": "10",
        "RecordEventsInput.events": "4",
    }.items()
}
PAGE = ["edges", "nodes"]
SERIES = [
    "at", "version", "totalCalled", "totalInvested", "totalValue", "totalProceeds", "totalDistributed",
    "nav", "plannedReserves", "deployedReserves",
]  # fmt: skip
SIZES: Mapping[str, ListSize] = {
    "Fund.series": ListSize(assumed_size=100, slicing_arguments=["points"], sized_fields=SERIES),
    "FundChange.companies": ListSize(assumed_size=50),
    "FundChange.facts": ListSize(assumed_size=200, slicing_arguments=["first"]),
    "FundState.portfolioCompanies": ListSize(assumed_size=50),
    "FundState.varianceAlerts": ListSize(assumed_size=50),
    "FundState.variances": ListSize(assumed_size=200),
}
"""Of lists that aren't pages and are longer than most, as a fund of usual size has them."""
PAGING = {"first", "last"}
DEFAULT_PAGE = 50


ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "cost": {"weight": "A decimal number."},
    "listSize": {
        "assumedSize": "How long it is taken to be where nothing says so.",
        "slicingArguments": "Arguments of the field that say how long it is at most.",
        "sizedFields": "Fields of its object that are so long.",
        "requireOneSlicingArgument": "Whether one of the slicing arguments must be given.",
    },
}
"""What the directives' arguments mean; strawberry keeps no description of them."""


def price(kind: str, fields: Iterable[tuple[str, StrawberryField]]) -> None:
    """Gives fields of a type, by their names, the directives that tell their price; again, it changes nothing."""
    for name, field in fields:
        place = f"{kind}.{name}"
        cost = COSTS.get(place) or (ROOT if kind in ROOTS else None)
        size = SIZES.get(place) or _paged(field)
        held = [one for one in field.directives if not isinstance(one, Cost | ListSize)]
        field.directives = [*held, *(one for one in (cost, size) if one is not None)]


def _paged(field: StrawberryField) -> ListSize | None:
    """The size of a connection, by its own arguments."""
    given = {one.python_name: one for one in field.arguments}
    slicing = [name for name in given if name in PAGING]
    if not slicing:
        return None
    default = given[slicing[0]].default
    assumed = default if isinstance(default, int) else DEFAULT_PAGE
    return ListSize(assumed_size=assumed, slicing_arguments=slicing, sized_fields=PAGE)
