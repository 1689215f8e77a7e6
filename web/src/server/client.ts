/** The GraphQL client: a normalised cache, HTTP for questions and changes, one WebSocket for what is followed. */

import { cacheExchange, type KeyGenerator, type UpdateResolver } from '@urql/exchange-graphcache';
import { Client, fetchExchange, mapExchange, subscriptionExchange } from 'urql';

import { connect, follow } from './connection';
import { faultOf } from './fault';

// What has no id lies in what it was found in. So does what is seen at a moment, under the moment asked for: its id holds
// the moment answered with, which for “now” differs from answer to answer, and the newest of two questions would leave the
// other one without its fields.
const AT_MOMENT = new Set<string | symbol>(['FundState', 'PortfolioCompany']);
const inPlace: KeyGenerator = () => null;
const byId: KeyGenerator = ({ id }) => (typeof id === 'string' ? id : null);
const keys = new Proxy<Record<string, KeyGenerator>>({}, { get: (_, type) => (AT_MOMENT.has(type) ? inPlace : byId) });

// What a reader has read is no fact that comes by itself: the lists that go by it are asked anew.
const listAlertsAnew: UpdateResolver = (_result, _arguments, cache) => {
  for (const { fieldName, arguments: given } of cache.inspectFields('Query')) {
    if (fieldName === 'varianceAlerts') {
      cache.invalidate('Query', fieldName, given);
    }
  }
};

/** A client that sends the token of the moment, and says when it is no longer good. */
export function createHubClient(token: () => string | null, onExpired: () => void): Client {
  const feeds = connect(token);
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    fetchOptions: () => ({
      mode: 'same-origin',
      // The token is the only authority; a cookie would let another site's page act for the reader.
      credentials: 'omit',
      headers: { Authorization: `Bearer ${token() ?? ''}` },
    }),
    exchanges: [
      mapExchange({
        onError(error) {
          if (faultOf(error).kind === 'expired') {
            onExpired();
          }
        },
      }),
      cacheExchange({ keys, updates: { Mutation: { markAlertRead: listAlertsAnew } } }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: follow(feeds, { query: query ?? '', variables: variables as Record<string, unknown> }, sink),
          }),
        }),
      }),
    ],
  });
}
