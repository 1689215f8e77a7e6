/** Recording facts: checked by the server first, then recorded once, on the very ledger they were checked on. */

import { useCallback, useRef, useState } from 'react';
import { useMutation } from 'urql';

import { RecordDocument, type FundEventInput, type RecordMutation } from '../../generated/operations';
import { useFund } from '../fund/fund';
import type { Refusal } from '../parts/Field';
import { faultOf, type Fault } from '../server/fault';

export type Recorded = RecordMutation['recordEvents']['events'];

export type Stage =
  /** Nothing was asked yet, or what was asked is no longer what is in the form. */
  | { name: 'open' }
  | { name: 'checking' }
  | { name: 'refused'; refusals: readonly Refusal[] }
  /** Checked: recording it is one step away. `unsure` after a try whose answer got lost. */
  | { name: 'checked'; events: readonly FundEventInput[]; version: number; unsure?: Fault }
  | { name: 'recording'; events: readonly FundEventInput[]; version: number }
  /** Others recorded something since it was checked. */
  | { name: 'overtaken'; events: readonly FundEventInput[]; version: number }
  | { name: 'recorded'; events: Recorded }
  | { name: 'failed'; fault: Fault };

export interface Recorder {
  stage: Stage;
  /** Asks the server what it would refuse; nothing is written. Gives the refusals, empty where it can all be recorded. */
  check: (events: readonly FundEventInput[]) => Promise<readonly Refusal[]>;
  /** Records what was checked. */
  record: () => Promise<void>;
  /** Begins anew. */
  reset: () => void;
}

/** A key that no other request has. */
function newKey(): string {
  // crypto.randomUUID is missing where the page isn't served over TLS.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `hub ${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * A recorder for one form. However often it is sent, the same input is recorded once: it keeps its idempotency key until
 * it has been recorded or has changed.
 */
export function useRecorder(): Recorder {
  const { id: fundId } = useFund();
  const [, send] = useMutation(RecordDocument);
  const [stage, setStage] = useState<Stage>({ name: 'open' });
  // What is sent and its key; a second click comes before React has drawn the first one’s effect.
  const draft = useRef<{ spelled: string; key: string } | null>(null);
  const busy = useRef(false);
  // Counts what was asked: an answer about what has been changed since says nothing any more.
  const asked = useRef(0);

  const check = useCallback(
    async (events: readonly FundEventInput[]): Promise<readonly Refusal[]> => {
      asked.current += 1;
      const turn = asked.current;
      setStage({ name: 'checking' });
      const { data, error } = await send({ input: { fundId, events, dryRun: true } });
      if (turn !== asked.current) {
        return [];
      }
      if (data === undefined || error !== undefined) {
        setStage(error === undefined ? { name: 'open' } : { name: 'failed', fault: faultOf(error) });
        return [];
      }
      const { errors, state } = data.recordEvents;
      if (errors.length > 0 || state === null) {
        setStage({ name: 'refused', refusals: errors });
        return errors;
      }
      const spelled = JSON.stringify(events);
      if (draft.current?.spelled !== spelled) {
        draft.current = { spelled, key: newKey() };
      }
      setStage({ name: 'checked', events, version: state.fund.version });
      return [];
    },
    [send, fundId],
  );

  const record = useCallback(async () => {
    if (busy.current || draft.current === null || stage.name !== 'checked') {
      return;
    }
    busy.current = true;
    const { events, version } = stage;
    setStage({ name: 'recording', events, version });
    const input = { fundId, events, expectedVersion: version, idempotencyKey: draft.current.key };
    const { data, error } = await send({ input });
    busy.current = false;
    if (data === undefined || error !== undefined) {
      setStage(
        error === undefined ? { name: 'checked', events, version } : { name: 'checked', events, version, unsure: faultOf(error) },
      );
      return;
    }
    const { errors, events: recorded } = data.recordEvents;
    if (errors.some(({ code }) => code === 'VERSION_CONFLICT')) {
      setStage({ name: 'overtaken', events, version });
    } else if (errors.length > 0) {
      setStage({ name: 'refused', refusals: errors });
    } else {
      draft.current = null;
      setStage({ name: 'recorded', events: recorded });
    }
  }, [send, fundId, stage]);

  const reset = useCallback(() => {
    asked.current += 1;
    setStage({ name: 'open' });
  }, []);
  return { stage, check, record, reset };
}
