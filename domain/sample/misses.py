"""Misses: figures planted in the sample, so that its variances tell stories."""

from typing import Final

from domain.event import CompanyKey
from domain.forecasting import MetricType

LAST_REPORTED: Final = 30
"""The newest quarter that every company has reported by then, whatever the day."""

SHOCKS: Final = {(CompanyKey("zinnialane"), 28): 0.62}
"""Zinnialane lost its largest customer: from this quarter on, recurring revenue is this share of its path."""

MISSES: Final = {
    (CompanyKey("quillmarsh"), 30, MetricType.CASH_BURN): 2.2,
    (CompanyKey("thistlequay"), 28, MetricType.ARR): 0.86,
    (CompanyKey("thistlequay"), 29, MetricType.ARR): 0.84,
    (CompanyKey("thistlequay"), 30, MetricType.ARR): 0.82,
    (CompanyKey("saltmeadow"), 30, MetricType.EBITDA): -3.0,
    (CompanyKey("yarrowdeep"), 30, MetricType.REVENUE): 1.6,
    (CompanyKey("loomwright"), 30, MetricType.REVENUE): 0.7,
    (CompanyKey("vellumbay"), 29, MetricType.REVENUE): 0.72,
}
"""Reported figures, as multiples of what they would have been.

Quillmarsh hired ahead of its revenue and burnt more than twice the cash. Thistlequay slips a little, three
quarters running. Saltmeadow planned a profit and made a loss. Yarrowdeep sold far more than planned, which
is no miss. Loomwright missed, and re-forecast on the quarter's last day (`HASTY_REFORECASTS`). Vellumbay
first reported about its plan, and the miss only when it restated (`RESTATED_ACTUAL`).
"""

HASTY_REFORECASTS: Final = frozenset({(CompanyKey("loomwright"), 30, MetricType.REVENUE)})
"""Forecasts lowered on the last day of the period they are for."""

GAPS: Final = frozenset({(CompanyKey("candlefjord"), 30, MetricType.CASH_BURN)})
"""Figures never reported: Candlefjord's cash burn."""

RESTATED_VALUATION: Final = (CompanyKey("candlefjord"), 27)
"""Whose mark at the end of which quarter was first recorded wrong."""
OVERVALUED: Final = 1.6
"""The wrong mark over the right one."""

RESTATED_ACTUAL: Final = (CompanyKey("vellumbay"), 29, MetricType.REVENUE)
"""The report that was restated."""
OVERREPORTED: Final = 1.4
"""The first report over the restated one."""
