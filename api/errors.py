"""Errors as clients see them: refusals as data or with a code; everything unexpected masked under the request's id."""

import logging
import re

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError, ObjectFieldNode, ValueNode, VariableNode
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from api.context import Context, UnauthenticatedError
from api.limits.refusals import TooMuchError
from api.wording import described_enum
from domain.refusal import Refusal, RefusalCode
from infra.postgres import UnavailableError

log = logging.getLogger(__name__)

BROKEN = "Something went wrong on our side."
UNAVAILABLE = "The service can't answer right now; try again."

# What graphql-core says of variables, with the place of the value in them: it gives the place in words alone.
_VARIABLE = re.compile(
    r"Variable '\$(?P<name>\w+)' has invalid (?:default )?value(?: at (?P<path>[\w.\[\]]+))?: "
    r"|Too many errors processing variables|Variable values are nested"
)
_STEP = re.compile(r"\w+")
_SUGGESTION = re.compile(r" Did you mean [^?]*\?")

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
        if isinstance(error, TooMuchError):
            code, message, more = error.code, error.message, error.more
        else:
            code, message, more = _told(error)
        if isinstance(context, Context) and not context.runtime.settings.introspects:
            message = _SUGGESTION.sub("", message)
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
    variable = None if error.path else _VARIABLE.match(error.message)
    more: dict[str, object] = {}
    code, message = "INTERNAL_SERVER_ERROR", BROKEN
    if isinstance(error, GraphQLSyntaxError):
        code, message = "GRAPHQL_PARSE_FAILED", error.message
    elif variable is not None:
        code, message = "BAD_USER_INPUT", error.message
        if variable["name"]:
            more = {"argument": _STEP.findall(variable["name"] + (variable["path"] or ""))}
    elif isinstance(cause, Refusal):
        open_codes = (RefusalCode.NOT_FOUND, RefusalCode.FORBIDDEN)
        code, message = cause.code.value if cause.code in open_codes else "BAD_USER_INPUT", cause.message
        more = {"argument": list(cause.path)} if cause.path else {}
    elif isinstance(cause, UnauthenticatedError):
        code, message = "UNAUTHENTICATED", str(cause)
    elif isinstance(cause, UnavailableError):
        code, message = "UNAVAILABLE", UNAVAILABLE
    elif isinstance(cause, RecursionError):
        code, message = "GRAPHQL_VALIDATION_FAILED", "The request is nested too deeply."
    elif isinstance(cause, CannotGetOperationTypeError):
        code, message = "GRAPHQL_VALIDATION_FAILED", cause.as_http_error_reason()
    elif isinstance(cause, InvalidOperationTypeError):
        code, message = "GRAPHQL_VALIDATION_FAILED", error.message
    elif cause is None or isinstance(cause, GraphQLError | MissingQueryError):
        # graphql-core's own: what a caller wrote wrong.
        code, message = ("BAD_USER_INPUT" if _is_of_a_value(error) else "GRAPHQL_VALIDATION_FAILED"), error.message
    return code, message, more


def _is_of_a_value(error: GraphQLError) -> bool:
    """Whether a literal or an argument is to blame, rather than the document around it."""
    # Once a field was reached it is a coerced argument.
    if error.path is not None:
        return True
    blamed = error.nodes[0] if error.nodes else None
    return isinstance(blamed, ValueNode | ObjectFieldNode) and not isinstance(blamed, VariableNode)
