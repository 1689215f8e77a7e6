"""The tour of the sample fund: three queries that show what a ledger with two clocks can tell."""

import json
from datetime import datetime

from domain.moments import instant_text
from infra.demo import Sample


def tour(sample: Sample) -> list[tuple[str, str]]:
    """Three queries to try, each with a title that says what it shows."""
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
  timeline(fundId: {fund}, first: 10) {{
    nodes {{ version occurredAt recordedAt summary }}
  }}
}}""",
        ),
    ]


def _instant(moment: datetime) -> str:
    """The instant as a person would type it, exact all the same."""
    return instant_text(moment).replace(".000000Z", "Z")
