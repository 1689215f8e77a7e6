// One fund at two moments in a normalised cache of docs/clients.md. Told is what each moment was answered, and what the
// cache alone then says of the first.
import { gql } from "@apollo/client";
import * as apollo from "./apollo.js";
import { normalised } from "./graphcache.js";
import * as urql from "./urql.js";

const { cache, url, token, fundId, moments } = JSON.parse(process.env.TASK);

const THEN = `query Then($fundId: ID!, $at: DateTime!) {
  fund(id: $fundId, at: $at) {
    __typename id totalValue fund { __typename id name } portfolioCompanies { __typename id companyId fairValue }
  }
}`;

const caches = {
  apollo() {
    const client = apollo.connect(url, () => token);
    const kept = (variables) => client.readQuery({ query: gql(THEN), variables });
    return { ask: (variables) => apollo.query(client, THEN, variables), kept };
  },
  graphcache() {
    const client = urql.connect(url, () => token, normalised);
    const kept = (variables) => client.readQuery(THEN, variables, { requestPolicy: "cache-only" }).data;
    return { ask: (variables) => urql.query(client, THEN, variables), kept };
  },
};

const { ask, kept } = caches[cache]();
const [first, second] = moments.map((at) => ({ fundId, at }));
const answers = [await ask(first), await ask(second)];
process.stdout.write(JSON.stringify({ answers, kept: kept(first) }), () => process.exit());
