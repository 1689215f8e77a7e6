"""How one operation goes, as far as whoever carries its answer must know of it, and it of them."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from strawberry.extensions import SchemaExtension
from strawberry.types.graphql import OperationType

from api.requests import Operation


@dataclass(slots=True, eq=False)
class Course:
    """One operation under way.

    Attributes:
        asked: The operation.
        deliver: Takes the text of one of a subscription's payloads straight to its client; None where there is no way.
        kind: Query, mutation or subscription, once it is executed.
        changes: Whether it is about to change something: it then runs to its end, whoever leaves.
        reached: From where a subscription goes on after what was told.
    """

    asked: Operation = field(default_factory=Operation)
    deliver: Callable[[str], Awaitable[None]] | None = None
    kind: OperationType | None = None
    changes: bool = False
    reached: Mapping[str, object] = field(default_factory=dict)


class OnCourse(SchemaExtension):
    """Notes what kind of operation it is, before anything of it is executed."""

    def on_execute(self) -> Iterator[None]:
        """Notes it."""
        course: Course = self.execution_context.context.course
        course.kind = self.execution_context.operation_type
        course.changes = course.kind is OperationType.MUTATION
        yield
