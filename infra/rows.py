"""Rows: the tables as SQLModel sees them, for queries off the ledger's hot path and for the migrations' check."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Index,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    desc,
    text,
)
from sqlmodel import Field, SQLModel


def _instant() -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=False)


def _now() -> Column[datetime]:
    return Column(DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()"))


def _bytes() -> Column[bytes]:
    return Column(LargeBinary, nullable=False)


def _version(*, key: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=False, primary_key=key, autoincrement=False)


class FundRow(SQLModel, table=True):
    """Head of one fund's ledger, and what its opening said."""

    __tablename__ = "fund"
    __table_args__ = (Index("fund_by_organisation", "organisation_id"),)

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    currency: str = Field(sa_type=Text)
    vintage_year: int
    size_cents: int = Field(sa_type=BigInteger)
    time_zone: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_column=_instant())
    version: int = Field(sa_column=_version())
    hash: bytes = Field(sa_column=_bytes())
    recorded_at: datetime = Field(sa_column=_instant())
    touched_until: datetime = Field(sa_column=_instant())
    organisation_id: UUID = Field(foreign_key="organisation.id")


class FactRow(SQLModel, table=True):
    """One fact. Never updated, never deleted."""

    __tablename__ = "fact"
    __table_args__ = (
        Index("fact_by_valid_time", "fund_id", "touches_at", "version"),
        Index("fact_by_company", "fund_id", "company_id", "version", postgresql_where=text("company_id IS NOT NULL")),
        Index("fact_of_alerts", "fund_id", "version", postgresql_where=text("starts_with(type, 'ALERT_')")),
        Index(
            "fact_of_runs",
            "fund_id",
            "version",
            postgresql_where=text(
                "type IN ('RESERVE_RUN_REQUESTED', 'RESERVES_RECOMMENDED', 'RESERVE_RUN_FAILED', "
                "'RESERVE_RUN_CANCELLED', 'RESERVE_SCENARIO_SAVED')"
            ),
        ),
    )

    fund_id: UUID = Field(primary_key=True)
    version: int = Field(sa_column=_version(key=True))
    schema_version: int = Field(sa_type=SmallInteger)
    type: str = Field(sa_type=Text)
    occurred_at: datetime = Field(sa_column=_instant())
    touches_at: datetime = Field(sa_column=_instant())
    recorded_at: datetime = Field(sa_column=_instant())
    actor: UUID
    company_id: str | None = Field(default=None, sa_type=Text)
    correlation_id: str | None = Field(default=None, sa_type=Text)
    idempotency_key: str | None = Field(default=None, sa_type=Text)
    metadata_: str | None = Field(default=None, sa_column=Column("metadata", Text))
    payload: str = Field(sa_type=Text)
    hash: bytes = Field(sa_column=_bytes())


class LedgerKeyRow(SQLModel, table=True):
    """An idempotency key used on a fund, and what its append answered."""

    __tablename__ = "ledger_key"

    fund_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=Text)
    input: bytes = Field(sa_column=_bytes())
    first_version: int = Field(sa_column=_version())
    last_version: int = Field(sa_column=_version())


class OpeningKeyRow(SQLModel, table=True):
    """An idempotency key a person used to open a fund, and the fund."""

    __tablename__ = "opening_key"

    actor: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=Text)
    input: bytes = Field(sa_column=_bytes())
    fund_id: UUID
    organisation_id: UUID


class SnapshotRow(SQLModel, table=True):
    """A cached fold, good for every version from `lo` up to but not including `hi`."""

    __tablename__ = "snapshot"
    __table_args__ = (
        Index("snapshot_by_time", "fund_id", "fingerprint", desc("at")),
        Index("snapshot_open", "fund_id", "at", postgresql_where=text("hi IS NULL")),
    )

    fund_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_column=_instant())
    lo: int = Field(sa_column=_version())
    hi: int | None = Field(default=None, sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    description: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_column=_instant())
    fingerprint: bytes = Field(sa_column=_bytes())
    checksum: bytes = Field(sa_column=_bytes())
    state: bytes = Field(sa_column=_bytes())


class CursorRow(SQLModel, table=True):
    """How far a consumer has followed a fund."""

    __tablename__ = "cursor"

    consumer: str = Field(primary_key=True, sa_type=Text)
    fund_id: UUID = Field(primary_key=True)
    version: int = Field(sa_column=_version())


class PersonRow(SQLModel, table=True):
    """A person: facts carry the id, so that name and e-mail can be erased."""

    __tablename__ = "person"

    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=Text, unique=True)
    name: str | None = Field(default=None, sa_type=Text)
    administrator: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    tokens_revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class IdentityRow(SQLModel, table=True):
    """Which person an issuer's subject is."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("person_id", "issuer"),)

    issuer: str = Field(primary_key=True, sa_type=Text)
    subject: str = Field(primary_key=True, sa_type=Text)
    person_id: UUID = Field(foreign_key="person.id", ondelete="CASCADE")
    linked_at: datetime = Field(sa_column=_instant())


class OrganisationRow(SQLModel, table=True):
    """A firm: it owns funds, and its rows are shown to nobody else."""

    __tablename__ = "organisation"

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_column=_now())
    access_version: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))
    access_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, server_default=""))
    access_recorded_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default="epoch")
    )


class AccessFactRow(SQLModel, table=True):
    """Something that happened to who may do what in an organisation. Never updated, never deleted."""

    __tablename__ = "access_fact"

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    version: int = Field(sa_column=_version(key=True))
    schema_version: int = Field(sa_type=SmallInteger)
    type: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_column=_instant())
    actor: UUID
    payload: str = Field(sa_type=Text)
    hash: bytes = Field(sa_column=_bytes())


class OrganisationMemberRow(SQLModel, table=True):
    """A person's role in an organisation."""

    __tablename__ = "organisation_member"
    __table_args__ = (Index("organisation_member_by_person", "person_id", "organisation_id"),)

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    person_id: UUID = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    role: str = Field(sa_type=Text)
    joined_at: datetime = Field(sa_column=_now())


class OrganisationPersonRow(SQLModel, table=True):
    """Somebody who has or had a part in an organisation, by themselves or by one of its funds: their name is shown."""

    __tablename__ = "organisation_person"
    __table_args__ = (Index("organisation_person_by_person", "person_id"),)

    organisation_id: UUID = Field(primary_key=True, foreign_key="organisation.id")
    person_id: UUID = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    tokens_revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class MembershipRow(SQLModel, table=True):
    """A person's role in a fund."""

    __tablename__ = "membership"
    __table_args__ = (Index("membership_by_person", "person_id", "fund_id"),)

    fund_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    role: str = Field(sa_type=Text)


class AlertRuleRow(SQLModel, table=True):
    """A rule as it stands: a read model."""

    __tablename__ = "alert_rule"

    fund_id: UUID = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Text)
    since: int = Field(sa_column=_version())
    enabled: bool
    retired: bool
    body: str = Field(sa_type=Text)


class AlertRow(SQLModel, table=True):
    """An alert as it stands: a read model."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("alert_newest", "fund_id", desc("opened_version")),
        Index("alert_by_company", "fund_id", "company_id", "metric", desc("opened_version")),
    )

    fund_id: UUID = Field(primary_key=True)
    id: str = Field(primary_key=True, sa_type=Text)
    rule_id: str = Field(sa_type=Text)
    company_id: str = Field(sa_type=Text)
    metric: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    stage: str = Field(sa_type=Text)
    severity: int = Field(sa_type=SmallInteger)
    snoozed_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    period_start: date
    period_end: date
    opened_version: int = Field(sa_column=_version())
    told_version: int | None = Field(default=None, sa_type=BigInteger)
    body: str = Field(sa_type=Text)


class AlertMarkRow(SQLModel, table=True):
    """How far somebody has read an alert."""

    __tablename__ = "alert_mark"

    fund_id: UUID = Field(primary_key=True)
    alert_id: str = Field(primary_key=True, sa_type=Text)
    person_id: UUID = Field(primary_key=True, foreign_key="person.id", ondelete="CASCADE")
    version: int = Field(sa_column=_version())


class OpenRunRow(SQLModel, table=True):
    """A reserve run that isn't over: a read model."""

    __tablename__ = "open_run"

    fund_id: UUID = Field(primary_key=True)
    run_id: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(sa_column=_version())


class ChannelRow(SQLModel, table=True):
    """Where a fund's alerts go, its addresses and secrets sealed."""

    __tablename__ = "channel"

    fund_id: UUID = Field(primary_key=True)
    channel: str = Field(primary_key=True, sa_type=Text)
    digest_below: str | None = Field(default=None, sa_type=Text)
    hint: str = Field(sa_type=Text)
    sealed: bytes = Field(sa_column=_bytes())
    set_by: UUID
    set_at: datetime = Field(sa_column=_instant())


class DeliveryRow(SQLModel, table=True):
    """One notice of one alert by one channel."""

    __tablename__ = "delivery"
    __table_args__ = (Index("delivery_due", "due_at", postgresql_where=text("status = 'PENDING'")),)

    fund_id: UUID = Field(primary_key=True)
    alert_id: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(sa_column=_version(key=True))
    channel: str = Field(primary_key=True, sa_type=Text)
    status: str = Field(sa_type=Text)
    digest: bool
    attempts: int
    last_error: str | None = Field(default=None, sa_type=Text)
    pending: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_column=_instant())
    due_at: datetime = Field(sa_column=_instant())
    delivered_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class FigureRow(SQLModel, table=True):
    """A figure compared under the default policy, as known now: a read model."""

    __tablename__ = "figure"

    fund_id: UUID = Field(primary_key=True)
    company_id: str = Field(primary_key=True, sa_type=Text)
    metric: str = Field(primary_key=True, sa_type=Text)
    period_start: date = Field(primary_key=True)
    period_end: date = Field(primary_key=True)
    in_money: bool
    on_time: bool
    favourable: bool | None = None
    variance: Decimal | None = Field(default=None, sa_type=Numeric)
    percent: Decimal | None = Field(default=None, sa_type=Numeric)
    body: str = Field(sa_type=Text)


class FigureBoardRow(SQLModel, table=True):
    """Up to which facts, and until when, a fund's figures and alerts hold."""

    __tablename__ = "figure_board"

    fund_id: UUID = Field(primary_key=True)
    version: int = Field(sa_column=_version())
    fresh_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


METADATA = SQLModel.metadata
"""All the tables, as migrations are checked against them."""
