/** Questions about the moment on the page. */

import { useEffect } from 'react';
import { createRequest, useClient, type TypedDocumentNode } from 'urql';

import { useFund } from '../fund/fund';
import { useAnswer, type Answer } from '../server/answer';
import { firstCame } from '../server/first';
import { useRevision } from '../server/revision';
import { useMoment } from './moment';

/** What every query at a moment takes. */
export interface AtMoment {
  fund: string;
  at?: string | null | undefined;
  knownAt?: string | null | undefined;
}

/** So long nothing is fetched ahead after a step: the step itself comes first. */
const QUIET = 120;

/**
 * Asks about the fund at the moment on the page: `fund`, `at` and `knownAt` are filled in, `more` are the other variables.
 * While the reader scrubs or plays, answers for where they are going are fetched ahead.
 */
export function useAnswerAt<Data, Variables extends AtMoment>(
  document: TypedDocumentNode<Data, Variables>,
  more: Omit<Variables, keyof AtMoment>,
  options: { pause?: boolean } = {},
): Answer<Data> {
  const client = useClient();
  const { id: fund } = useFund();
  const { at, knownAt, ahead } = useMoment();
  const revision = useRevision();
  const variables = { ...more, fund, at, knownAt } as unknown as Variables;
  const answer = useAnswer(document, variables, options);
  const came = answer.data !== undefined;
  useEffect(() => {
    if (came) {
      firstCame();
    }
  }, [came]);

  const spelled = JSON.stringify(more);
  useEffect(() => {
    if (ahead.length === 0 || options.pause === true) {
      return;
    }
    const stops: (() => void)[] = [];
    const timer = setTimeout(() => {
      for (const next of ahead) {
        const request = createRequest(document, { ...(JSON.parse(spelled) as object), fund, at: next, knownAt } as unknown as Variables);
        if (!revision.answered.has(request.key)) {
          const { unsubscribe } = client.executeQuery(request, { requestPolicy: 'network-only' }).subscribe((result) => {
            if (result.error === undefined && !result.stale) {
              revision.answered.add(request.key);
            }
          });
          stops.push(unsubscribe);
        }
      }
    }, QUIET);
    return () => {
      clearTimeout(timer);
      for (const stop of stops) {
        stop();
      }
    };
  }, [client, document, spelled, fund, knownAt, ahead, revision, options.pause]);
  return answer;
}
