// One client of docs/clients.md at work: a query, a mutation, and a feed until a version. Its task comes as JSON in the
// environment; each thing it was told goes out as a line of JSON.
const { client: name, url, token, fundId, until } = JSON.parse(process.env.TASK);
const { connect, query, mutate, follow } = await import(`./${name}.js`);

const QUERY = "query Ask($fundId: ID!) { fund(id: $fundId) { __typename id version availableCapital } }";
const RECORD = `mutation Record($input: RecordEventsInput!) {
  recordEvents(input: $input) { __typename events { __typename id version } errors { __typename code message path } }
}`;
const FOLLOW = `subscription Follow($fundId: ID!, $afterVersion: Int) {
  fundEvents(fundId: $fundId, afterVersion: $afterVersion) {
    __typename id version ... on FeeCharged { amount kind }
  }
}`;
const FEE = { event: { feeCharged: { amount: "12.50", kind: "audit" } } };

const tell = (line) => new Promise((written) => process.stdout.write(`${JSON.stringify(line)}\n`, written));

const client = connect(url, () => token);
await tell({ fund: (await query(client, QUERY, { fundId })).fund });
await tell(await mutate(client, RECORD, { input: { fundId, events: [FEE] } }));
// Each client has a place of its own for what GraphQL calls errors.
await query(client, "query Wrong { nothing }", {}).catch((fault) => {
  const errors = fault.graphQLErrors ?? fault.errors ?? fault.response?.errors ?? fault;
  return tell({ refused: errors.map((error) => error.extensions.code) });
});
await new Promise((done, failed) => {
  const told = (fact) => tell({ fact }).then(() => fact.version === until && done());
  follow(client, FOLLOW, { fundId, afterVersion: 0 }, told, failed);
});
process.exit();
