/** New facts: what is shown is asked anew a moment after they come. */

import { useCallback, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';

import { FundFactsDocument, type FundFactsSubscription } from '../../generated/operations';
import { connections } from '../server/connection';
import { firstRevision, RevisionContext, type Revision } from '../server/revision';
import { useResumed } from '../server/resumed';
import { FactContext, type Fact } from './facts';

/** Facts often come many at once; the first is shown soon, and the rest together. */
const GATHER = 150;

/** Follows the fund, and moves the revision for everything inside. */
export function LiveFund({ fund, version, children }: { fund: string; version: number; children: ReactNode }): ReactNode {
  const [revision, setRevision] = useState<Revision>(firstRevision);
  const [newest, setNewest] = useState<Fact | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const move = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      setRevision(({ number }) => ({ number: number + 1, answered: new Set() }));
    }, GATHER);
  }, []);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );

  useResumed(FundFactsDocument, fund, { fund, afterVersion: version }, ({ fundEvents }: FundFactsSubscription) => {
    setNewest(fundEvents);
    move();
  });

  // Not everything that is shown is a fact of this fund: after a break all of it is asked anew.
  const connection = useSyncExternalStore(connections.watch, connections.now);
  const broken = useRef(false);
  useEffect(() => {
    if (connection === 'live' && broken.current) {
      broken.current = false;
      move();
    } else if (connection === 'reconnecting' || connection === 'offline') {
      broken.current = true;
    }
  }, [connection, move]);

  return (
    <RevisionContext.Provider value={revision}>
      <FactContext.Provider value={newest}>{children}</FactContext.Provider>
    </RevisionContext.Provider>
  );
}
