/** A run that goes on: how far it is, and a way to stop it. */

import { useState, type ReactNode } from 'react';
import { useMutation } from 'urql';

import { CancelRunDocument, FollowRunDocument, type FollowRunSubscription } from '../../generated/operations';
import { useFund } from '../fund/fund';
import type { Refusal } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { faultOf } from '../server/fault';
import { useResumed } from '../server/resumed';
import styles from './Following.module.css';
import { momentText } from './momentText';
import type { Standing } from './run';

/** Follows the run by subscription until it is over: over reloads and broken connections, for its id is in the address. */
export function Following({ run }: { run: Standing }): ReactNode {
  const { timeZone, mayWrite } = useFund();
  const [told, setTold] = useState<FollowRunSubscription['reserveProgress'] | null>(null);
  const [ended, setEnded] = useState<string | null>(null);
  const [{ fetching }, cancel] = useMutation(CancelRunDocument);
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  useResumed(
    FollowRunDocument,
    run.id,
    { run: run.id },
    ({ reserveProgress }: FollowRunSubscription) => {
      setTold(reserveProgress);
    },
    { ended: setEnded },
  );
  const stop = async (): Promise<void> => {
    const { data, error } = await cancel({ run: run.id });
    const refused = error === undefined ? (data?.cancelReserveRun.errors ?? []) : [{ code: '', message: faultOf(error).advice, path: null }];
    setRefusals(refused);
  };
  const percent = told?.progress ?? 0;
  const waiting = told === null || told.status === 'QUEUED';
  const left = told?.secondsLeft ?? null;
  return (
    <div className={styles.following}>
      <div className={styles.line}>
        <p role="status">
          <strong>{waiting ? 'Waiting for a worker' : told.message}</strong>
        </p>
        <p className={`figure ${styles.percent ?? ''}`}>
          {percent.toFixed(0)}%{left !== null && <span className="soft"> · {leftText(left)}</span>}
        </p>
        {mayWrite && (
          <button type="button" disabled={fetching} onClick={() => void stop()}>
            Cancel the run
          </button>
        )}
      </div>
      <progress className={styles.bar} max={100} value={percent} aria-label="Progress of the run" />
      <p className="soft">Of {momentText(run, timeZone)}. You can leave or reload the page: the run goes on, and its address follows it.</p>
      {refusals.map(({ message }) => (
        <Notice key={message} tone="bad" title="The run wasn’t cancelled">
          {message}
        </Notice>
      ))}
      {ended !== null && <Notice tone="warn">{ended}</Notice>}
    </div>
  );
}

function leftText(seconds: number): string {
  if (seconds < 1) {
    return 'a moment left';
  }
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `about ${minutes} min ${Math.round(seconds % 60)} s left` : `about ${Math.ceil(seconds)} s left`;
}
