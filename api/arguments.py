"""Arguments that many fields have, with what they mean."""

from datetime import datetime
from typing import Annotated

import strawberry

FundId = Annotated[strawberry.ID, strawberry.argument(description="The fund.")]
First = Annotated[int | None, strawberry.argument(description="So many, 200 at most, from the start or after `after`.")]
After = Annotated[str | None, strawberry.argument(description="Cursor to go on from.")]
Last = Annotated[int | None, strawberry.argument(description="So many, 200 at most, from the end or before `before`.")]
Before = Annotated[str | None, strawberry.argument(description="Cursor to come up to.")]
AtArgument = Annotated[
    datetime | None, strawberry.argument(description="What was true at this moment; now if left out.")
]
KnownAtArgument = Annotated[
    datetime | None, strawberry.argument(description="As far as it was known at this moment; now if left out.")
]
