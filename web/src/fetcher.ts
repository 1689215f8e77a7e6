/** GraphiQL's requests: queries and mutations over HTTP, subscriptions over graphql-transport-ws. */

import type { Fetcher, FetcherOpts, FetcherParams, Observable } from '@graphiql/toolkit';
import { getOperationAST, OperationTypeNode, type ExecutionResult } from 'graphql';
import { createClient } from 'graphql-ws';

type Headers = Record<string, string>;

/**
 * A fetcher for this server.
 *
 * @param authority What is sent until the headers editor is there: GraphiQL asks for the schema before that.
 */
export function createFetcher(authority: Headers): Fetcher {
  return (params, options) => {
    const headers: Headers = options?.headers ?? authority;
    return isSubscription(params, options) ? subscribe(params, headers) : post(params, headers);
  };
}

function isSubscription(params: FetcherParams, options: FetcherOpts | undefined): boolean {
  const operation = options?.documentAST && getOperationAST(options.documentAST, params.operationName);
  return operation?.operation === OperationTypeNode.SUBSCRIPTION;
}

async function post(params: FetcherParams, headers: Headers): Promise<ExecutionResult> {
  let response: Response;
  let body: string;
  try {
    response = await fetch('/graphql', {
      method: 'POST',
      mode: 'same-origin',
      // The token is the only authority; a cookie would let another site's page act for the reader.
      credentials: 'omit',
      headers: {
        Accept: 'application/graphql-response+json, application/json',
        'Content-Type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(params),
    });
    body = await response.text();
  } catch (reason) {
    throw readable(reason);
  }
  try {
    return JSON.parse(body) as ExecutionResult;
  } catch {
    throw failure(`The server answered ${response.status} ${response.statusText}: ${body.slice(0, 500)}`);
  }
}

/**
 * One connection per subscription: the token belongs to the connection, and the headers may be edited between two.
 *
 * An observable rather than an async generator, because stopping a generator waits for its next value.
 */
function subscribe(params: FetcherParams, headers: Headers): Observable<ExecutionResult> {
  const client = createClient({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: headers,
    // Subscribing again by itself would silently start from the first version once more.
    retryAttempts: 0,
  });
  function run(
    next?: ((value: ExecutionResult) => void) | Sink,
    error?: ((reason: unknown) => void) | null,
    complete?: () => void,
  ): { unsubscribe: () => void } {
    const sink: Sink =
      typeof next === 'object' ? next : { next: next ?? ignore, error: error ?? ignore, complete: complete ?? ignore };
    const unsubscribe = client.subscribe(
      {
        query: params.query,
        operationName: params.operationName ?? null,
        variables: params.variables as Record<string, unknown> | null,
      },
      {
        next: (result) => sink.next(result as ExecutionResult),
        error: (reason) => sink.error(readable(reason)),
        complete: () => sink.complete(),
      },
    );
    return { unsubscribe };
  }
  return { subscribe: run };
}

interface Sink {
  next: (value: ExecutionResult) => void;
  error: (reason: unknown) => void;
  complete: () => void;
}

function ignore(): void {}

/** What to show for an error; a closed connection arrives as an event, which would read `{"isTrusted": true}`. */
function readable(reason: unknown): unknown {
  if (reason instanceof CloseEvent) {
    return failure(`The connection was closed: ${reason.code} ${reason.reason}`.trimEnd());
  }
  if (reason instanceof Event) {
    return failure('The connection could not be opened.');
  }
  return reason instanceof Error ? failure(reason.message) : reason;
}

/** An error without the stack of this bundle, which GraphiQL would print below the message. */
function failure(message: string): Error {
  const error = new Error(message);
  delete error.stack;
  return error;
}
