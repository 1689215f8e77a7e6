"""Documents parsed and validated once: the same few queries come again and again."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension

KEPT = 512
"""Documents kept per process."""
LONGEST = 16_384
"""Characters of the longest document kept; longer ones are parsed each time."""

_good: OrderedDict[str, DocumentNode] = OrderedDict()


class KnownDocuments(SchemaExtension):
    """Skips parsing and validation of a text that passed both before; variables have no part in either.

    Only good documents are kept. An extension that raises while parsing breaks streams, and a bad document is no one's
    hot path.
    """

    def on_parse(self) -> Iterator[None]:
        """Hands over the parsed document, if it is known."""
        known = _good.get(self.execution_context.query or "")
        if known is not None:
            self.execution_context.graphql_document = known
        yield

    def on_validate(self) -> Iterator[None]:
        """Skips validation of a known document, and gets to know one that passes."""
        context = self.execution_context
        text = context.query or ""
        if text in _good:
            # Other threads forget documents, too.
            with suppress(KeyError):
                _good.move_to_end(text)
            context.pre_execution_errors = []
        yield
        document = context.graphql_document
        if text not in _good and document is not None and not context.pre_execution_errors and len(text) <= LONGEST:
            _good[text] = document
            if len(_good) > KEPT:
                _good.popitem(last=False)


class OneOperation(SchemaExtension):
    """Refuses a document of several operations without the name of the one to run, where strawberry runs the first."""

    def on_validate(self) -> Iterator[None]:
        """Refuses it as validation would."""
        context = self.execution_context
        document = context.graphql_document
        found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)] if document else []
        # Strawberry keeps the name given to itself, and gives out the first operation's for none.
        if len(found) > 1 and context._provided_operation_name is None:  # noqa: SLF001
            message = "The document holds several operations: name the one to run by operationName."
            context.pre_execution_errors = [GraphQLError(message, found)]
        yield
