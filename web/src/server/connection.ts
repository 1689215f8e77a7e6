/** The one WebSocket: it reconnects for ever, and each subscription goes on after what it saw last. */

import { createClient, type Client, type SubscribePayload } from 'graphql-ws';
import type { ExecutionResult } from 'urql';

export type Connection = 'idle' | 'live' | 'reconnecting' | 'offline' | 'expired';

/** Close codes by which the server says that the token is no good: graphql-transport-ws's, and ours once it expires. */
const NOT_LET_IN = new Set([4401, 4403]);
const LONGEST_PAUSE = 5_000;
const PING = 10_000;

let connection: Connection = 'idle';
const watchers = new Set<() => void>();

function become(next: Connection): void {
  if (next !== connection) {
    connection = next;
    for (const watcher of watchers) {
      watcher();
    }
  }
}

/** How the WebSocket stands, for `useSyncExternalStore`. */
export const connections = {
  now: (): Connection => connection,
  watch(watcher: () => void): () => void {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  },
  /** Whoever signs in again begins anew. */
  forget(): void {
    become('idle');
  },
};

addEventListener('offline', () => {
  become('offline');
});

/** Waits longer after each failure, with chance so that pages don't all return at once, and no longer than until the network is back. */
async function pause(failures: number): Promise<void> {
  const most = Math.min(LONGEST_PAUSE, 250 * 2 ** failures);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, most * (0.5 + Math.random() / 2));
    addEventListener('online', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    }
  });
}

/** Opens the WebSocket, once something is followed. */
export function connect(token: () => string | null): Client {
  let pong: ReturnType<typeof setTimeout> | undefined;
  return createClient({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: () => ({ Authorization: `Bearer ${token() ?? ''}` }),
    keepAlive: PING,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: pause,
    shouldRetry: (event) => !(event instanceof CloseEvent && NOT_LET_IN.has(event.code)),
    on: {
      connected: () => {
        become('live');
      },
      ping: (received) => {
        // A network that is gone closes nothing: an unanswered ping tells.
        if (!received) {
          pong = setTimeout(() => {
            become(navigator.onLine ? 'reconnecting' : 'offline');
          }, PING / 2);
        }
      },
      pong: (received) => {
        if (received) {
          clearTimeout(pong);
          become('live');
        }
      },
      closed: (event) => {
        clearTimeout(pong);
        if (event instanceof CloseEvent && NOT_LET_IN.has(event.code)) {
          become('expired');
        } else if (!(event instanceof CloseEvent && event.wasClean && event.code === 1000)) {
          become(navigator.onLine ? 'reconnecting' : 'offline');
        } else {
          become('idle');
        }
      },
    },
  });
}

interface Sink {
  next: (result: ExecutionResult) => void;
  error: (reason: unknown) => void;
  complete: () => void;
}

interface Feeds {
  fundEvents?: { version?: number };
  varianceAlerts?: { cursor?: string };
}

/**
 * Follows an operation. The client sends it anew after a broken connection, with the variables as they are then: they
 * are kept at the last fact or notice that came, so that nothing is missed and nothing comes twice.
 */
export function follow(client: Client, payload: SubscribePayload, sink: Sink): () => void {
  const variables: Record<string, unknown> = { ...payload.variables };
  return client.subscribe(
    { ...payload, variables },
    {
      next: (result) => {
        const told = result.data as Feeds | null | undefined;
        if (told?.fundEvents?.version !== undefined) {
          variables['afterVersion'] = told.fundEvents.version;
        }
        if (told?.varianceAlerts?.cursor !== undefined) {
          variables['after'] = told.varianceAlerts.cursor;
        }
        sink.next(result as ExecutionResult);
      },
      error: (reason) => {
        sink.error(reason);
      },
      complete: () => {
        sink.complete();
      },
    },
  );
}
