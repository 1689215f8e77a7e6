"""The tour of the sample fund: queries that show what a ledger with two clocks can tell, and an alert to watch."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

from domain.moments import instant_text

if TYPE_CHECKING:
    from infra.demo import Sample


def tour(sample: "Sample") -> list[tuple[str, str]]:
    """Queries to try, each with a title that says what it shows."""
    fund = json.dumps(str(sample.fund_id))
    restated = _instant(sample.moments.restated)
    company = f"company(id: {json.dumps(sample.restated_company_id)}) {{ name fairValue }}"
    return [
        (
            "1. The fund as it was three years ago",
            f"""query ThreeYearsAgo {{
  fund(id: {fund}, at: "{_instant(sample.moments.three_years_ago)}") {{
    totalInvested totalValue moic tvpi irr
    portfolioCompanies(orderBy: FAIR_VALUE) {{ name status ownership totalInvestment fairValue moic }}
  }}
}}""",
        ),
        (
            "2. The second clock: one day as it was first reported, and as it is known since a valuation was restated",
            f"""query TwoClocks {{
  firstReported: fund(id: {fund}, at: "{restated}", knownAt: "{_instant(sample.first_reported)}") {{
    totalValue {company}
  }}
  knownNow: fund(id: {fund}, at: "{restated}") {{
    totalValue {company}
  }}
}}""",
        ),
        (
            "3. What was recorded last: the corrections",
            f"""query LastRecorded {{
  timeline(fundId: {fund}, first: 3, filter: {{ types: [EVENT_VOIDED, VALUATION_UPDATED, ACTUAL_RECORDED] }}) {{
    nodes {{ version occurredAt recordedAt summary }}
  }}
}}""",
        ),
        (
            "4. Who is behind plan: the alerts, and why each fired",
            f"""query Alerts {{
  varianceAlerts(fundId: {fund}, first: 10) {{
    nodes {{ severity status company {{ name }} why }}
  }}
}}""",
        ),
        *_live_miss(sample, fund),
        (
            "6. Where the next follow-on dollar earns most: now, and as one would have said three years ago",
            f"""query WhereNext {{
  now: optimalReserves(fundId: {fund}) {{ ...Ranking }}
  threeYearsAgo: optimalReserves(fundId: {fund}, at: "{_instant(sample.moments.three_years_ago)}") {{ ...Ranking }}
}}
fragment Ranking on ReserveRun {{
  pool staleSince
  recommendations {{
    rank companyName followOnMultiple confidenceScore currentReserveAllocation recommendedAllocation action
  }}
}}""",
        ),
    ]


def _live_miss(sample: "Sample", fund: str) -> list[tuple[str, str]]:
    """An alert to watch as it comes, once the sample has a miss left to record."""
    miss = sample.miss
    if miss is None:
        return []
    return [
        (
            "5. An alert as it comes: subscribe in one window …",
            f"""subscription Watch {{
  varianceAlerts(fundId: {fund}) {{ change alert {{ severity company {{ name }} why }} }}
}}""",
        ),
        (
            "   … and record a miss in another",
            f"""mutation Miss {{
  recordEvents(input: {{ fundId: {fund}, events: {{ event: {{ actualRecorded: {{
    companyId: {json.dumps(miss.company_id)}, metricType: {miss.metric_type}, value: "{miss.value:f}"
    periodStart: "{miss.period_start}", periodEnd: "{miss.period_end}"
  }} }} }} }}) {{ events {{ version summary }} errors {{ message path }} }}
}}""",
        ),
    ]


def _instant(moment: datetime) -> str:
    """The instant as a person would type it, exact all the same."""
    return instant_text(moment).replace(".000000Z", "Z")
