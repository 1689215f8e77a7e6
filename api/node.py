"""The Node interface: anything with an id of its own."""

import strawberry


@strawberry.interface(description="Anything with an id of its own; `Query.node` finds it again.")
class Node:
    id: strawberry.ID = strawberry.field(description="Globally unique; what is seen at a moment encodes the moment.")
