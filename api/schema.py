"""The schema: every area's queries, mutations and subscriptions under one roof."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError, GraphQLInputObjectType, Undefined
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from api import (
    belonging,
    fund_list,
    recording,
    reserving,
    snapshots as caches,
    timeline as history,
    viewer as whoever,
    watching,
)
from api.arguments import After, AtArgument, Before, First, FundId, KnownAtArgument, Last
from api.companies import see
from api.context import Asked
from api.course import OnCourse
from api.documents import KnownDocuments, OneOperation
from api.errors import Masked
from api.events import EVENT_TYPES, FundEvent
from api.feed import follow
from api.funds import FundState, fund_state
from api.limits import prices
from api.limits.admission import MOST_ERRORS, Admission
from api.limits.time import in_time
from api.lookup import find
from api.node import Node
from api.observing import Observed, observe
from api.plain import PlainExecutor
from api.scalars import SCALARS
from api.sharing import Telling
from infra.people import Role


@strawberry.type(description="What can be asked.")
class Query(watching.Queries, reserving.Queries, belonging.Queries):
    @strawberry.field(description="Who asks.")
    def viewer(self, info: Asked) -> whoever.Viewer:
        return whoever.viewer(info.context)

    @strawberry.field(description="Anything by its id; null where there is no such thing, or no part in it.")
    async def node(
        self,
        info: Asked,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> Node | None:
        return await find(info.context, id)

    @strawberry.field(description="Funds that whoever asks has a part in.")
    async def funds(self, info: Asked, first: First = 50, after: After = None) -> fund_list.FundConnection:
        return await fund_list.funds(info.context, first, after)

    @strawberry.field(
        description="State of a fund at a moment: what was true at `at`, as far as it was known at `knownAt`. Both "
        "default to now. Null where there is no such fund, or no part in it."
    )
    async def fund(
        self,
        info: Asked,
        id: FundId,
        at: AtArgument = None,
        known_at: KnownAtArgument = None,
    ) -> FundState | None:
        row = await info.context.fund(id)
        return None if row is None else await fund_state(info.context, row, at, known_at)

    @strawberry.field(
        description="What changed between two moments: totals, companies, reserves, and the facts in between."
    )
    async def fund_change(
        self,
        info: Asked,
        id: FundId,
        from_: Annotated[history.MomentInput, strawberry.argument(name="from", description="The first moment.")],
        to: Annotated[history.MomentInput, strawberry.argument(description="The second.")],
    ) -> history.FundChange:
        row = await info.context.existing_fund(id)
        begin = await see(info.context, row, from_.at, from_.known_at)
        return history.change(begin, await see(info.context, row, to.at, to.known_at))

    @strawberry.field(description="A fund's facts in the order they were learned.")
    async def timeline(
        self,
        info: Asked,
        fund_id: FundId,
        filter: Annotated[history.TimelineFilter | None, strawberry.argument(description="Which facts.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        newest_first: Annotated[bool | None, strawberry.argument(description="Newest learned first.")] = True,
    ) -> history.FundEventConnection:
        found = await info.context.allowed(fund_id, Role.VIEWER, "fundId")
        return await history.timeline(
            info.context, found, filter, first, after, last, before, newest_first=newest_first is not False
        )

    @strawberry.field(description="A fund's snapshots, newest made first.")
    async def snapshots(
        self, info: Asked, fund_id: FundId, first: First = 50, after: After = None
    ) -> caches.SnapshotConnection:
        found = await info.context.allowed(fund_id, Role.VIEWER, "fundId")
        return await caches.listed(info.context, found, first, after)


@strawberry.type(description="What can be changed.")
class Mutation(watching.Mutations, reserving.Mutations, belonging.Mutations):
    @strawberry.mutation(description="Opens a fund; whoever opens it is its first ADMIN.")
    async def open_fund(
        self,
        info: Asked,
        input: Annotated[recording.OpenFundInput, strawberry.argument(description="The fund.")],
    ) -> recording.OpenFundPayload:
        return await recording.open_fund(info.context, input)

    @strawberry.mutation(
        description="Appends 1 to 1,000 facts, all or none. The one way to write to a fund's ledger. Takes ANALYST."
    )
    async def record_events(
        self,
        info: Asked,
        input: Annotated[recording.RecordEventsInput, strawberry.argument(description="The facts.")],
    ) -> recording.RecordEventsPayload:
        return await recording.record_events(info.context, input)

    @strawberry.mutation(description="Takes a snapshot of a fund as it is now. Takes ANALYST.")
    async def create_snapshot(
        self,
        info: Asked,
        fund_id: FundId,
        description: Annotated[str | None, strawberry.argument(description="What it is for.")] = None,
    ) -> caches.SnapshotPayload:
        return await caches.create(info.context, fund_id, description)


@strawberry.type(description="What can be followed.")
class Subscription(watching.Subscriptions, reserving.Subscriptions):
    @strawberry.subscription(
        description="Facts of a fund in version order, first those after `afterVersion` that are already stored, then "
        "each new one; no gap, no repeat. Without `afterVersion`, only new ones."
    )
    async def fund_events(
        self,
        info: Asked,
        fund_id: FundId,
        after_version: Annotated[int | None, strawberry.argument(description="Version the client holds.")] = None,
    ) -> AsyncGenerator[FundEvent, None]:
        # Closed at once when the client goes, not when the garbage collector comes by.
        async with aclosing(follow(info.context, fund_id, after_version)) as events:
            telling, course = Telling(info), info.context.course
            async for one in events:
                if not await telling.told(one):
                    yield one
                course.reached = {"lastVersion": one.version}


class _Schema(strawberry.Schema):
    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """A type's fields, each with its price."""
        fields, naming = super().get_fields(type_definition), self.config.name_converter
        prices.price(naming.from_type(type_definition), ((naming.get_graphql_name(one), one) for one in fields))
        return fields

    def _get_custom_context_kwargs(self, *given: Any, **more: Any) -> dict[str, Any]:
        """What strawberry has graphql-core know, and how many wrong values of variables it words: each takes long."""
        return {**super()._get_custom_context_kwargs(*given, **more), "max_coercion_errors": MOST_ERRORS}

    async def _execute_operation(self, execution_context: ExecutionContext, *rest: Any) -> Any:  # noqa: ANN401 - strawberry's own
        """The one place that queries and changes of every transport come through."""
        return await in_time(execution_context, super()._execute_operation(execution_context, *rest))

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Logs nothing: `Masked` logs what is our fault, and a caller's faults are the caller's to see."""


schema = _Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=list(EVENT_TYPES.values()),
    config=StrawberryConfig(scalar_map=dict(SCALARS)),
    execution_context_class=PlainExecutor,
    extensions=[Observed, Masked, KnownDocuments, OneOperation, Admission, OnCourse],
)


def _amend() -> None:
    """Makes of the built schema what strawberry can't be told.

    Arguments that may be left out have no default, rather than a null one: the resolvers have it. What takes exactly
    one field is known as such to graphql-core too, whose errors name the place of the value. Directives' arguments are
    described.
    """
    for directive in schema._schema.directives:  # noqa: SLF001 - strawberry offers no other way to the built schema
        for name, description in prices.ARGUMENTS.get(directive.name, {}).items():
            directive.args[name].description = description
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - strawberry offers no other way to the built schema
        definition = kind.extensions.get("strawberry-definition")
        if isinstance(kind, GraphQLInputObjectType) and getattr(definition, "is_one_of", False):
            kind.is_one_of = True
        for one in getattr(kind, "fields", {}).values():
            for place in (one, *getattr(one, "args", {}).values()):
                if getattr(place, "default_value", Undefined) is None:
                    place.default_value = Undefined


_amend()
observe(schema._schema)  # noqa: SLF001 - as above
