"""Refusals of what is too much, with what a client needs to do better."""

from graphql import GraphQLError, Node


class TooMuchError(GraphQLError):
    """An operation that is more than may be.

    Args:
        code: The error's.
        more: Further extensions of the error.
    """

    def __init__(self, code: str, message: str, node: Node | None = None, **more: object) -> None:
        super().__init__(message, node)
        self.code = code
        self.more = more
