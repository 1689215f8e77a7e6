"""Snapshots in the schema: listed, and taken by hand."""

from datetime import datetime
from uuid import UUID

import strawberry

from api import ids
from api.connection import Page, PageInfo, bad_cursor, cursor, page, page_info
from api.context import Context
from api.errors import UserError, user_error
from api.node import Node
from api.wording import described_enum
from domain.refusal import Refusal
from infra import snapshots as stored
from infra.codec import micros
from infra.people import Role

SnapshotKind = described_enum(stored.SnapshotKind)


@strawberry.type(
    description="A cached state. It makes answers fast and never different: dropping all of them changes none."
)
class Snapshot(Node):
    fund_id: strawberry.ID = strawberry.field(description="The fund.")
    at: datetime = strawberry.field(description="The moment it is of.")
    version: int = strawberry.field(description="Version of the last fact folded in.")
    kind: SnapshotKind = strawberry.field(description="Why it was taken.")  # type: ignore[valid-type]
    description: str | None = strawberry.field(description="What whoever took it wrote.")
    created_at: datetime = strawberry.field(description="When it was taken.")


@strawberry.type(description="A snapshot and its place in the list.")
class SnapshotEdge:
    cursor: str = strawberry.field(description="Its place; stays good when snapshots are added.")
    node: Snapshot = strawberry.field(description="The snapshot.")


@strawberry.type(description="A page of snapshots, newest made first.")
class SnapshotConnection:
    edges: list[SnapshotEdge] = strawberry.field(description="The snapshots with their places.")
    nodes: list[Snapshot] = strawberry.field(description="The snapshots.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(description="The snapshot taken, or why not.")
class SnapshotPayload:
    snapshot: Snapshot | None = strawberry.field(description="The snapshot.")
    errors: list[UserError] = strawberry.field(description="Why not; empty when it worked.")


def snapshot_of(found: stored.Snapshot) -> Snapshot:
    """A snapshot as the schema shows it."""
    return Snapshot(
        id=strawberry.ID(ids.snapshot_id(found.fund_id, found.id)),
        fund_id=strawberry.ID(str(found.fund_id)),
        at=found.at,
        version=found.version,
        kind=found.kind,
        description=found.description,
        created_at=found.created_at,
    )


async def listed(context: Context, fund_id: UUID, first: int | None, after: str | None) -> SnapshotConnection:
    """One page of the fund's snapshots.

    Raises:
        Invalid: If the page's arguments can't be.
    """
    asked: Page[stored.Snapshot] = page(first, after)
    found = await context.runtime.snapshots.listed(fund_id, after=_place(asked.place), limit=asked.limit + 1)
    kept, more = asked.cut(found)
    nodes = [snapshot_of(one) for one in kept]
    cursors = [cursor(f"{micros(one.created_at)}:{one.id}") for one in kept]
    return SnapshotConnection(
        edges=[SnapshotEdge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=page_info(asked, cursors, more=more),
    )


def _place(held: str | None) -> tuple[datetime, UUID] | None:
    if held is None:
        return None
    moment, _, snapshot = held.partition(":")
    created = ids.moment_of(moment)
    try:
        found = UUID(snapshot)
    except ValueError:
        raise bad_cursor("after") from None
    if created is None:
        raise bad_cursor("after")
    return created, found


async def create(context: Context, fund_id: str, description: str | None) -> SnapshotPayload:
    """Takes a snapshot of the fund as it is now."""
    try:
        found = await context.allowed(fund_id, Role.ANALYST, "fundId")
        taken = await context.runtime.snapshots.take(found, stored.SnapshotKind.MANUAL, description)
    except Refusal as refusal:
        return SnapshotPayload(snapshot=None, errors=[user_error(refusal)])
    return SnapshotPayload(snapshot=snapshot_of(taken), errors=[])
