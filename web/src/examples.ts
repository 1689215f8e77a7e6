/** What GraphiQL opens with: one query per tab, on the fund of the link when it names one. */

export interface Example {
  query: string;
  variables: string;
}

const ALL_FUNDS = `# Your funds, with their totals at
# a moment. Put an id from here into
# "fundId" in the other tabs.
query Funds($at: DateTime) {
  funds(first: 20) {
    edges {
      node {
        id
        name
        currency
        vintageYear
        state(at: $at) {
          totalCalled
          totalInvested
          totalValue
          availableCapital
          tvpi
        }
      }
    }
  }
}
`;

const ONE_FUND = `# A fund as it was at one moment, as
# far as it was known at another.
# Null means now; another moment is
# written "2026-01-15T09:00:00Z".
query FundAtAMoment(
  $fundId: ID!
  $at: DateTime
  $knownAt: DateTime
) {
  funds(first: 20) {
    edges {
      node {
        id
        name
      }
    }
  }
  fund(
    id: $fundId
    at: $at
    knownAt: $knownAt
  ) {
    version
    totalCommitted
    totalCalled
    totalInvested
    totalValue
    totalProceeds
    totalDistributed
    availableCapital
    plannedReserves
    moic
    dpi
    tvpi
    irr
    portfolioCompanies {
      companyId
      name
      status
      totalInvestment
      fairValue
    }
  }
}
`;

const TIMELINE = `# The facts of a fund, newest first.
query Timeline(
  $fundId: ID!
  $after: String
) {
  timeline(
    fundId: $fundId
    first: 20
    after: $after
  ) {
    edges {
      node {
        version
        type
        occurredAt
        recordedAt
        summary
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

const LIVE = `# The facts after "afterVersion", then
# each new one as it is recorded.
# The same button stops it.
subscription LiveFacts(
  $fundId: ID!
  $afterVersion: Int
) {
  fundEvents(
    fundId: $fundId
    afterVersion: $afterVersion
  ) {
    version
    type
    occurredAt
    recordedAt
    summary
    payload
  }
}
`;

const ALERTS = `# Who is behind plan, and why.
# "after" goes on from "endCursor".
query Alerts(
  $fundId: ID!
  $filter: AlertFilter
  $after: String
) {
  varianceAlerts(
    fundId: $fundId
    filter: $filter
    first: 20
    after: $after
  ) {
    nodes {
      id
      severity
      status
      company {
        name
      }
      metricType
      why
      occurrences
      isRead
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`;

const LIVE_ALERTS = `# What happens to the alerts, as it
# happens; "after" is the cursor of
# the last notice you have seen.
subscription LiveAlerts(
  $fundId: ID!
  $after: String
) {
  varianceAlerts(
    fundId: $fundId
    after: $after
  ) {
    cursor
    change
    alert {
      id
      severity
      status
      company {
        name
      }
      why
    }
  }
}
`;

function example(query: string, variables: Record<string, unknown>): Example {
  return { query, variables: JSON.stringify(variables, null, 2) };
}

/** The tabs of a first visit. Without a fund the first one lists them, so that there is an id to go on with. */
export function examples(fund: string | null): Example[] {
  const fundId = fund ?? '';
  return [
    fund === null ? example(ALL_FUNDS, { at: null }) : example(ONE_FUND, { fundId, at: null, knownAt: null }),
    example(TIMELINE, { fundId, after: null }),
    example(LIVE, { fundId, afterVersion: 0 }),
    example(ALERTS, { fundId, filter: { statuses: ['OPEN'] }, after: null }),
    example(LIVE_ALERTS, { fundId, after: null }),
  ];
}
