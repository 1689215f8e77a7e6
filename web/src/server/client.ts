/** The GraphQL client: a normalised cache, HTTP for questions and changes, one WebSocket for what is followed. */

import { cacheExchange, type KeyGenerator, type UpdateResolver } from '@urql/exchange-graphcache';
import { Client, fetchExchange, mapExchange, subscriptionExchange } from 'urql';

import { connect, follow } from './connection';
import { faultOf } from './fault';

// Ids of what is seen at a moment hold the moment, and now is another one with each answer: two questions about now would
// drive each other's answers out of the cache without end. Kept where they were found, by the arguments, they share one.
const AT_MOMENT = /^(state|company|alertthen|rulethen):/;
const byId: KeyGenerator = ({ id }) => (typeof id === 'string' && !AT_MOMENT.test(id) ? id : null);
const keys = new Proxy<Record<string, KeyGenerator>>({}, { get: () => byId });

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
