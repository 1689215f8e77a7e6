// What a Relay app asks of Drypowder: a fragment, a query, pages of a connection, a refetch by `node`, a mutation and a
// subscription. relay-compiler reads these; nothing runs them.
import { graphql } from "relay-runtime";

export const company = graphql`
  fragment feedCompany on PortfolioCompany {
    id
    name
    ownership
    fairValue
  }
`;

export const state = graphql`
  fragment feedState on FundState @refetchable(queryName: "feedStateRefetchQuery") {
    totalValue
    tvpi
    portfolioCompanies(orderBy: FAIR_VALUE) {
      ...feedCompany
    }
  }
`;

export const timeline = graphql`
  fragment feedTimeline on Query
  @argumentDefinitions(
    fundId: { type: "ID!" }
    count: { type: "Int", defaultValue: 20 }
    cursor: { type: "String" }
  )
  @refetchable(queryName: "feedTimelinePageQuery") {
    timeline(fundId: $fundId, first: $count, after: $cursor) @connection(key: "feed_timeline", filters: ["fundId"]) {
      edges {
        node {
          version
          summary
          ... on InvestmentMade {
            amount
          }
        }
      }
    }
  }
`;

export const page = graphql`
  query feedQuery($fundId: ID!, $at: DateTime) {
    fund(id: $fundId, at: $at) {
      version
      ...feedState
    }
    ...feedTimeline @arguments(fundId: $fundId)
  }
`;

export const record = graphql`
  mutation feedRecordMutation($input: RecordEventsInput!, $connections: [ID!]!) {
    recordEvents(input: $input) {
      events @prependNode(connections: $connections, edgeTypeName: "FundEventEdge") {
        version
        summary
      }
      state {
        ...feedState
      }
      errors {
        code
        message
        path
      }
    }
  }
`;

export const follow = graphql`
  subscription feedFollowSubscription($fundId: ID!, $afterVersion: Int) {
    fundEvents(fundId: $fundId, afterVersion: $afterVersion) {
      version
      summary
      ... on FeeCharged {
        amount
      }
    }
  }
`;
