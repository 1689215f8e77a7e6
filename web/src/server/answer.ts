/** Questions to the server, as components ask them. */

import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { createRequest, useClient, type AnyVariables, type OperationResult, type TypedDocumentNode } from 'urql';

import { faultOf, type Fault } from './fault';
import { Latest } from './latest';
import { useRevision } from './revision';

export interface Answer<Data> {
  /** The newest answer that has come; while another is on its way, the one before it. */
  data: Data | undefined;
  fault: Fault | undefined;
  /** Whether what is shown answers another question, or an older state of the ledger, than what is asked. */
  stale: boolean;
  /** Asks again. */
  again: () => void;
}

/** While the server can’t be reached. */
const AGAIN_AFTER = 3_000;

interface Shown<Data> {
  data: Data | undefined;
  fault: Fault | undefined;
  /** What it answers. */
  of: string;
}

/**
 * Asks, and asks anew when the variables change or facts arrive. The newest question wins, and the last answer stays on
 * screen until the next is there.
 *
 * With `pause` nothing is asked, and what is under way is given up. Queries at a moment are asked by `useAnswerAt` instead.
 */
export function useAnswer<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { pause = false }: { pause?: boolean } = {},
): Answer<Data> {
  const client = useClient();
  const revision = useRevision();
  const [tries, setTries] = useState(0);
  const spelled = JSON.stringify(variables);
  const request = useMemo(() => createRequest(document, JSON.parse(spelled) as Variables), [document, spelled]);
  const asked = `${request.key}.${revision.number}.${tries}`;
  const [shown, setShown] = useState<Shown<Data>>({ data: undefined, fault: undefined, of: '' });
  const latest = useRef(new Latest());

  useEffect(() => {
    if (pause) {
      latest.current.hold();
      return;
    }
    latest.current.ask((done) => {
      // What was answered since the last fact came needs no second answer.
      const requestPolicy = tries === 0 && revision.answered.has(request.key) ? 'cache-first' : 'cache-and-network';
      const { unsubscribe } = client
        .executeQuery<Data, Variables>(request, { requestPolicy })
        .subscribe((result: OperationResult<Data, Variables>) => {
          const whole = !result.stale;
          const fault = result.error === undefined ? undefined : faultOf(result.error);
          setShown((before) => ({ data: result.data ?? before.data, fault, of: whole ? asked : '' }));
          if (whole) {
            if (fault === undefined) {
              revision.answered.add(request.key);
            }
            done();
          }
        });
      return unsubscribe;
    });
  }, [client, request, asked, revision, pause, tries]);

  useEffect(() => {
    const { current } = latest;
    return () => {
      current.stop();
    };
  }, []);

  const again = useCallback(() => {
    setTries((count) => count + 1);
  }, []);
  const away = shown.fault?.kind === 'away';
  useEffect(() => {
    if (!away) {
      return;
    }
    const timer = setInterval(again, AGAIN_AFTER);
    return () => {
      clearInterval(timer);
    };
  }, [away, again]);
  return { data: shown.data, fault: shown.fault, stale: shown.of !== asked && !(pause && shown.data === undefined), again };
}
