"""A fund's opening: whose it becomes, who administers it, and the first fact of its ledger."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from domain.access import AccessEvent, FundJoined, RoleGiven
from domain.capital import FundOpened
from domain.event import Dated
from domain.fund import FundBuilder
from domain.moments import EARLIEST
from domain.projector import EMPTY
from domain.refusal import Invalid
from domain.roles import Role
from infra import access_log, codec
from infra.appending import Batch, append, opened_before
from infra.drafts import Draft, check_key
from infra.metrics import Metrics
from infra.organisations import owning
from infra.postgres import Connection

_OPEN = """
    INSERT INTO fund (id, name, currency, vintage_year, size_cents, time_zone, opened_at, version, hash, recorded_at,
        touched_until, organisation_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, 'epoch', $7, $9)
"""


@dataclass(frozen=True, slots=True)
class Opening:
    """A fund to open.

    Attributes:
        opened: What it is.
        opened_at: When it was opened; None for now.
        key: The request's, so that it opens one fund however often it comes.
        organisation_id: Whose it is; None for the first that the actor administers, or else a new one of its name.
    """

    opened: FundOpened
    opened_at: datetime | None
    key: str | None
    organisation_id: UUID | None

    def check(self) -> None:
        """Refuse an opening that can't be, with the field's path."""
        self.opened.check(FundBuilder(EMPTY))
        if self.opened_at is not None:
            _check_moment(self.opened_at, datetime.now(UTC))
        check_key(self.key)

    async def made(
        self, connection: Connection, actor: UUID, correlation_id: str | None, metrics: Metrics
    ) -> tuple[UUID, bool]:
        """The fund's id, and whether an earlier request with the same key had opened it; within a transaction.

        Raises:
            NotFound: If the actor has no part in the organisation.
            Forbidden: If they don't administer it.
        """
        now = datetime.now(UTC)
        fund_id = uuid4()
        first = Dated(self.opened_at or now, 1, self.opened)
        owner = await owning(connection, actor, self.organisation_id, self.opened.name)
        if self.key is not None:
            whose = [] if self.organisation_id is None else [str(self.organisation_id)]
            request = codec.input_hash([self.opened, self.opened_at, *whose])
            earlier = await opened_before(connection, actor, self.key, request, fund_id, owner)
            if earlier is not None:
                return earlier, True
        await connection.execute(
            _OPEN,
            fund_id,
            self.opened.name,
            self.opened.currency,
            self.opened.vintage_year,
            self.opened.size,
            self.opened.time_zone,
            first.occurred_at,
            codec.genesis_hash(str(fund_id)),
            owner,
        )
        joined: list[AccessEvent] = [FundJoined(str(fund_id)), RoleGiven(str(fund_id), str(actor), Role.ADMIN)]
        await access_log.append(connection, owner, joined, actor=actor)
        await append(
            connection,
            fund_id,
            0,
            Batch([Draft(self.opened, self.opened_at)], [first], {}, now),
            actor=actor,
            key=None,
            request=None,
            correlation_id=correlation_id,
            metrics=metrics,
        )
        return fund_id, False


def _check_moment(opened_at: datetime, now: datetime) -> None:
    """Refuse to open a fund in the future or before 1900."""
    if not EARLIEST <= opened_at <= now + timedelta(minutes=1):
        message = "A fund was opened between 1900 and now."
        raise Invalid(message, "openedAt")
