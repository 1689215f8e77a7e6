// What a page does with the npm client `graphql-ws`: a query, a mutation and a subscription over one WebSocket.
// Its task comes as JSON in the environment; what it was told goes out as JSON.
import { createClient } from "graphql-ws";

const { url, token, fundId } = JSON.parse(process.env.TASK);

const client = createClient({
  url,
  connectionParams: { Authorization: `Bearer ${token}` },
  retryAttempts: 0,
  // One WebSocket for all of them. Node 24 takes its own closing of a compressed one for a broken connection now and
  // then, from whatever server; the next operation would then end with that.
  lazyCloseTimeout: 60_000,
});

async function ask(query, variables) {
  for await (const answer of client.iterate({ query, variables })) return answer;
  throw new Error("the server completed without an answer");
}

const QUERY = "query ($id: ID!) { fund(id: $id) { version availableCapital } }";
const RECORD = `mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { events { version } errors { code message path } }
}`;
const FOLLOW = `subscription ($id: ID!) {
  fundEvents(fundId: $id, afterVersion: 0) { __typename version ... on FeeCharged { amount kind } }
}`;

const query = await ask(QUERY, { id: fundId });
const seen = [];
let mutation;
for await (const answer of client.iterate({ query: FOLLOW, variables: { id: fundId } })) {
  seen.push(answer);
  // What is stored has come; the rest can only come live.
  if (seen.length === 2) {
    const event = { feeCharged: { amount: "12.50", kind: "audit" } };
    mutation = await ask(RECORD, { input: { fundId, events: [{ event }, { event }] } });
  }
  if (seen.length === 4) break;
}
const wrong = await ask("query { nothing }").then(
  () => null,
  (errors) => errors.map((error) => error.extensions.code),
);
await client.dispose();
process.stdout.write(JSON.stringify({ query, mutation, seen, wrong }), () => process.exit());
