"""Errors as clients see them: refusals as data or with a code; everything unexpected masked under the request's id."""

import logging

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions import MaskErrors

from api.context import Context, UnauthenticatedError
from api.wording import described_enum
from domain.refusal import Refusal, RefusalCode
from infra.postgres import UnavailableError

log = logging.getLogger(__name__)

UserErrorCode = described_enum(RefusalCode, "UserErrorCode", "Why something was refused.")


@strawberry.type(description="A refusal: something expected that the caller can act on.")
class UserError:
    code: UserErrorCode = strawberry.field(description="What kind of refusal.")  # type: ignore[valid-type]
    message: str = strawberry.field(description="One sentence for a person.")
    path: list[str] | None = strawberry.field(description='Path into the input, such as ["events", "3", "amount"].')


def user_error(refusal: Refusal) -> UserError:
    """The refusal as data in a mutation's payload."""
    return UserError(code=refusal.code, message=refusal.message, path=list(refusal.path) or None)


class Masked(MaskErrors):
    """Gives every top-level error its code and the request's id, and hides what is internal."""

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """The error as the client may see it."""
        context = self.execution_context.context
        request_id = context.request_id if isinstance(context, Context) else None
        code, message, more = _told(error)
        if code == "INTERNAL_SERVER_ERROR":
            log.error("request %s failed at %s", request_id, error.path, exc_info=error.original_error or error)
        return GraphQLError(
            message=message,
            nodes=error.nodes,
            source=error.source,
            positions=error.positions,
            path=error.path,
            extensions={"code": code, "requestId": request_id, **more},
        )


def _told(error: GraphQLError) -> tuple[str, str, dict[str, object]]:
    """Code, message and further extensions."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED", error.message, {}
    if isinstance(cause, Refusal):
        more = {"argument": list(cause.path)} if cause.path else {}
        code = cause.code.value if cause.code in (RefusalCode.NOT_FOUND, RefusalCode.FORBIDDEN) else "BAD_USER_INPUT"
        return code, cause.message, more
    if isinstance(cause, UnauthenticatedError):
        return "UNAUTHENTICATED", str(cause), {}
    if isinstance(cause, UnavailableError):
        return "UNAVAILABLE", "The service can't answer right now; try again.", {}
    if cause is None or isinstance(cause, GraphQLError):
        # graphql-core's own: what a caller wrote wrong. Once a field was reached it is a coerced argument.
        wrong_value = error.path is not None or error.message.startswith("Variable ")
        return ("BAD_USER_INPUT" if wrong_value else "GRAPHQL_VALIDATION_FAILED"), error.message, {}
    return "INTERNAL_SERVER_ERROR", "Something went wrong on our side.", {}
