/** Feeds that go on where they broke off. */

import { useEffect, useRef } from 'react';
import { useClient, type AnyVariables, type TypedDocumentNode } from 'urql';

const AGAIN_AFTER = 1_000;

/**
 * Follows a subscription for as long as the component is there: without a gap or a repeat over broken connections, and
 * over the server's SLOW_CONSUMER.
 *
 * `variables` say where to begin (`afterVersion`, `after`) and are read once for each `key`, usually the fund. `told` is called with
 * each answer, `ended` when the server has ended the feed for good: no part in the fund any more.
 */
export function useResumed<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  key: string,
  variables: Variables,
  told: (data: Data) => void,
  { pause = false, ended }: { pause?: boolean; ended?: (message: string) => void } = {},
): void {
  const client = useClient();
  const now = useRef({ variables, told, ended });
  useEffect(() => {
    now.current = { variables, told, ended };
  });

  useEffect(() => {
    if (pause) {
      return;
    }
    let begin = now.current.variables;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stop: () => void = () => undefined;
    function start(): void {
      const feed = client.subscription(document, begin).subscribe(({ data, error }) => {
        if (data !== undefined && data !== null) {
          begin = { ...begin, ...placeIn(data) };
          now.current.told(data);
        }
        if (error === undefined) {
          return;
        }
        const [refusal] = error.graphQLErrors;
        if (refusal !== undefined && refusal.extensions['code'] !== 'SLOW_CONSUMER') {
          now.current.ended?.(refusal.message);
          return;
        }
        timer = setTimeout(start, AGAIN_AFTER);
      });
      stop = feed.unsubscribe;
    }
    start();
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [client, document, key, pause]);
}

/** The variables that go on after what a feed told last. */
function placeIn(data: unknown): { afterVersion?: number; after?: string } {
  const { fundEvents, varianceAlerts } = data as { fundEvents?: { version: number }; varianceAlerts?: { cursor: string } };
  return {
    ...(fundEvents === undefined ? {} : { afterVersion: fundEvents.version }),
    ...(varianceAlerts === undefined ? {} : { after: varianceAlerts.cursor }),
  };
}
