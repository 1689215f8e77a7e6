// What a TypeScript app asks of Drypowder. The types come from what the codegen client preset makes of schema.graphql.
import type { ResultOf, VariablesOf } from "@graphql-typed-document-node/core";
import { graphql } from "./generated/index.js";

export const Company = graphql(/* GraphQL */ `
  fragment Company on PortfolioCompany {
    id
    name
    ownership
    fairValue
  }
`);

export const Then = graphql(/* GraphQL */ `
  query Then($fundId: ID!, $at: DateTime) {
    fund(id: $fundId, at: $at) {
      totalValue
      tvpi
      portfolioCompanies(orderBy: FAIR_VALUE) {
        ...Company
      }
    }
  }
`);

export const Record = graphql(/* GraphQL */ `
  mutation Record($input: RecordEventsInput!) {
    recordEvents(input: $input) {
      events {
        version
        summary
      }
      errors {
        code
        path
      }
    }
  }
`);

export const Follow = graphql(/* GraphQL */ `
  subscription Follow($fundId: ID!, $afterVersion: Int) {
    fundEvents(fundId: $fundId, afterVersion: $afterVersion) {
      version
      ... on FeeCharged {
        amount
      }
    }
  }
`);

export const fee: VariablesOf<typeof Record> = {
  input: { fundId: "…", events: [{ event: { feeCharged: { amount: "12.50", kind: "audit" } } }] },
};

export function worth({ fund }: ResultOf<typeof Then>): string | undefined {
  return fund?.totalValue;
}

export function told({ fundEvents: fact }: ResultOf<typeof Follow>): string {
  return "amount" in fact ? `${fact.version}: ${fact.amount}` : `${fact.version}`;
}

// @ts-expect-error A fact is of exactly one kind, with the fields that it needs.
export const wrong: VariablesOf<typeof Record> = { input: { fundId: "…", events: [{ event: { feeCharged: {} } }] } };
