"""Admission: what is refused of an operation before anything of it is done."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from math import ceil

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, get_operation_ast, specified_rules, validate
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.graphql import OperationType

from api.context import Context
from api.limits.cost import Reckoning
from api.limits.refusals import TooMuchError
from api.limits.shape import MOST_CHARACTERS, MOST_TOKENS, OutOfShapeError, check
from api.limits.subject import subject
from api.limits.tariff import tariff
from infra.places import NoPlaceError
from infra.postgres import UnavailableError

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MOST_ERRORS = 10
"""That validation tells of one document: each may take milliseconds to word."""


class Admission(SchemaExtension):
    """Refuses what is out of shape, costs too much, comes too often, or has no place; tells what an answer cost.

    Stands after what knows documents that were good before: of these only the cost is told anew, by their variables.
    """

    def __init__(self) -> None:
        self._requested: int | None = None
        self._place = ExitStack()

    def on_operation(self) -> Iterator[None]:
        """Bounds the document's text, and gives back a subscription's place in the end."""
        # Strawberry knows one of graphql-core's options.
        self.execution_context.parse_options.update(  # type: ignore[call-arg]
            max_lexical_tokens=MOST_TOKENS, max_comments=MOST_TOKENS, max_source_length=MOST_CHARACTERS
        )
        with self._place:
            yield

    async def on_validate(self) -> AsyncIterator[None]:
        """Refuses before validation, which would take long for what is out of shape."""
        asked = self.execution_context
        if not asked.pre_execution_errors:
            try:
                await self._admit(known=asked.pre_execution_errors is not None)
            except (OutOfShapeError, TooMuchError) as fault:
                asked.pre_execution_errors = [fault]
            except UnavailableError as fault:
                asked.pre_execution_errors = [GraphQLError(str(fault), original_error=fault)]
        yield

    async def _admit(self, *, known: bool) -> None:
        asked = self.execution_context
        document, context = asked.graphql_document, asked.context
        assert document is not None, "it was parsed"
        assert isinstance(context, Context), "operations know their request"
        if not known:
            check(document)
        operation = get_operation_ast(document, asked.operation_name)
        assert operation is not None, "its type was told by it"
        await self._pay(operation)
        if not known:
            asked.pre_execution_errors = self._validate(document)
        if operation.operation.value == OperationType.SUBSCRIPTION.value and not asked.pre_execution_errors:
            self._take_place(operation)

    def _validate(self, document: DocumentNode) -> list[GraphQLError]:
        asked = self.execution_context
        errors = validate(
            asked.schema._schema,  # noqa: SLF001 - strawberry offers no other way to the built schema
            document,
            RULES,
            max_errors=MOST_ERRORS,
            hide_suggestions=not asked.context.runtime.settings.introspects,
        )
        # Python reads no number of more than 4,300 digits, which graphql-core takes for a fault of ours.
        message = "A number has too many digits."
        return [
            TooMuchError("BAD_USER_INPUT", message, *(one.nodes or ())[:1])
            if isinstance(one.original_error, ValueError)
            else one
            for one in errors
        ]

    async def _pay(self, operation: OperationDefinitionNode) -> None:
        """Draws what the operation costs from what whoever asks has left.

        Raises:
            TooMuchError: If it costs more than any may, or more than they have; or asks for what is switched off.
            UnavailableError: If that can't be told now.
        """
        asked = self.execution_context
        runtime, document = asked.context.runtime, asked.graphql_document
        assert document is not None, "it was parsed"
        reckoning = Reckoning(tariff(asked.schema._schema), document, asked.variables or {})  # noqa: SLF001 - as below
        self._requested = reckoning.cost(operation)
        if reckoning.introspects and not runtime.settings.introspects:
            raise TooMuchError("GRAPHQL_VALIDATION_FAILED", "Introspection is switched off here.", operation)
        most = runtime.settings.max_cost
        if self._requested > most:
            message = f"The operation costs {self._requested} points; {most} are the most."
            raise TooMuchError("COST_LIMIT_EXCEEDED", message, operation, cost=self._cost())
        wait = await runtime.rates.spend(subject(asked.context), self._requested)
        if wait:
            message = "You have asked for too much in too short a time."
            raise TooMuchError("RATE_LIMITED", message, operation, retryAfter=ceil(wait))

    def _take_place(self, operation: OperationDefinitionNode) -> None:
        context = self.execution_context.context
        try:
            self._place.enter_context(context.runtime.subscriptions.taking(subject(context)))
        except NoPlaceError:
            message = f"You follow {context.runtime.subscriptions.most} subscriptions here already."
            raise TooMuchError("TOO_MANY_SUBSCRIPTIONS", message, operation) from None

    def get_results(self) -> dict[str, object]:
        """What the operation cost; a subscription's messages don't say it."""
        asked = self.execution_context
        if self._requested is None:
            return {}
        if asked.operation_type is OperationType.SUBSCRIPTION and not asked.pre_execution_errors:
            return {}
        return {"cost": self._cost()}

    def _cost(self) -> dict[str, int | None]:
        return {"requested": self._requested, "maximum": self.execution_context.context.runtime.settings.max_cost}
