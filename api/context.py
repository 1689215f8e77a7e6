"""What a resolver knows of its request: who asks, and the runtime's parts."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from strawberry import Info

from api.course import Course
from api.ids import fund_uuid, organisation_uuid
from api.security import Pass
from api.tokens import EXPIRED, LEEWAY, REVOKED
from domain.refusal import Forbidden, NotFound
from infra.funds import FundHead
from infra.people import OrganisationRole, Person, Role, TokenRevokedError
from infra.runtime import Runtime
from infra.trail import about_fund

log = logging.getLogger(__name__)


class UnauthenticatedError(Exception):
    """No token, or one that isn't good."""


@dataclass(slots=True)
class Context:
    """One operation's.

    Attributes:
        runtime: The process's parts.
        admitted: Who asks, and until when they may; None without a good token.
        why_not: Why there is none.
        client: Address asked from.
        course: How the operation goes.
    """

    runtime: Runtime
    admitted: Pass | None
    why_not: str
    client: str | None
    request_id: str = ""
    course: Course = field(default_factory=Course)

    @property
    def someone(self) -> Person:
        """Who asks.

        Raises:
            UnauthenticatedError: If nobody known does, or their time is over.
        """
        if self.admitted is None:
            raise UnauthenticatedError(self.why_not)
        if self.admitted.expires_at < now() - LEEWAY:
            raise UnauthenticatedError(EXPIRED)
        return self.admitted.person

    async def allowed(self, fund_id: str, least: Role, *path: str) -> UUID:
        """The fund's UUID, once the person's role was found to reach.

        Raises:
            UnauthenticatedError: If nobody known asks.
            NotFound: If the fund doesn't exist or they have no part in it.
            Forbidden: If their role is too small.
        """
        someone = self.someone
        found = fund_uuid(fund_id, *path)
        about_fund(found)
        try:
            await self.runtime.people.require(someone, found, least, *path)
        except TokenRevokedError:
            raise UnauthenticatedError(REVOKED) from None
        return found

    async def belongs(self, organisation_id: str, least: OrganisationRole, *path: str) -> UUID:
        """The organisation's UUID, once the person's role in it was found to reach.

        Raises:
            UnauthenticatedError: If nobody known asks.
            NotFound: If the organisation doesn't exist or they don't belong to it.
            Forbidden: If their role is too small.
        """
        someone = self.someone
        found = organisation_uuid(organisation_id, *path)
        try:
            await self.runtime.people.require_in(someone, found, least, *path)
        except TokenRevokedError:
            raise UnauthenticatedError(REVOKED) from None
        return found

    async def fund(self, fund_id: str) -> FundHead | None:
        """The fund's head; None where there is no such fund or no part in it.

        Raises:
            UnauthenticatedError: If nobody known asks.
        """
        try:
            return await self.existing_fund(fund_id)
        except NotFound:
            return None

    async def existing_fund(self, fund_id: str, *path: str) -> FundHead:
        """The fund's head.

        Raises:
            UnauthenticatedError: If nobody known asks.
            NotFound: If there is no such fund or no part in it.
        """
        path = path or ("id",)
        found = await self.allowed(fund_id, Role.VIEWER, *path)
        row = await self.runtime.funds.fund(found)
        if row is None:
            message = "No such fund."
            raise NotFound(message, *path)
        return row

    def time_machine(self, *moments: datetime | None) -> None:
        """Refuses a moment asked for where the time machine is switched off."""
        if not self.runtime.settings.ff_time_machine and any(moment is not None for moment in moments):
            message = "The time machine is switched off here; ask without `at` and `knownAt`."
            raise Forbidden(message)


Asked = Info[Context, None]


def now() -> datetime:
    """This process's clock; the ledger's own decides what is known."""
    return datetime.now(UTC)
