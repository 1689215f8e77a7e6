/** The timeline’s pages: the newest first, older ones as asked for, and new facts as they come. */

import { useCallback, useEffect, useRef, useState } from 'react';
import { useClient } from 'urql';

import { TimelineDocument, type FactLineFragment, type TimelineFilter } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { faultOf, type Fault } from '../server/fault';
import { useRevision } from '../server/revision';

const PAGE = 50;

export interface Pages {
  /** Undefined until the first page is there. */
  facts: readonly FactLineFragment[] | undefined;
  /** Versions that came while the page was open. */
  fresh: ReadonlySet<number>;
  fault: Fault | undefined;
  /** Whether what is shown answers an earlier filter. */
  stale: boolean;
  hasMore: boolean;
  loadingMore: boolean;
  loadMore: () => void;
  again: () => void;
}

interface Shown {
  of: string;
  facts: readonly FactLineFragment[] | undefined;
  fresh: ReadonlySet<number>;
  /** Where older facts go on; null where there are none. */
  end: string | null;
}

const NOTHING: Shown = { of: '', facts: undefined, fresh: new Set(), end: null };

/** Follows the facts that pass a filter; with `pause` nothing is asked. */
export function usePages(filter: TimelineFilter, pause: boolean): Pages {
  const client = useClient();
  const { id: fund } = useFund();
  const revision = useRevision();
  const spelled = JSON.stringify(filter);
  const [shown, setShown] = useState<Shown>(NOTHING);
  const [fault, setFault] = useState<Fault | undefined>(undefined);
  const [loadingMore, setLoadingMore] = useState(false);
  const [tries, setTries] = useState(0);
  const latest = useRef(shown);
  useEffect(() => {
    latest.current = shown;
  });

  const page = useCallback(
    async (after: string | null) => {
      const variables = { fund, filter: JSON.parse(spelled) as TimelineFilter, first: PAGE, after };
      const { data, error } = await client.query(TimelineDocument, variables, { requestPolicy: 'network-only' }).toPromise();
      setFault(error === undefined ? undefined : faultOf(error));
      return error === undefined ? data?.timeline : undefined;
    },
    [client, fund, spelled],
  );

  useEffect(() => {
    if (pause) {
      return;
    }
    let left = false;
    async function refresh(): Promise<void> {
      const before = latest.current.of === spelled ? latest.current : NOTHING;
      const known = before.facts?.[0]?.version ?? 0;
      const found: FactLineFragment[] = [];
      let after: string | null = null;
      // After a long break there may be more than a page of new ones.
      for (;;) {
        const got: Awaited<ReturnType<typeof page>> = await page(after);
        if (left || got === undefined) {
          return;
        }
        found.push(...got.nodes);
        after = got.pageInfo.hasNextPage ? got.pageInfo.endCursor : null;
        if (before.facts === undefined || after === null || found.some(({ version }) => version <= known)) {
          break;
        }
      }
      if (before.facts === undefined) {
        setShown({ of: spelled, facts: found, fresh: new Set(), end: after });
        return;
      }
      const came = found.filter(({ version }) => version > known);
      if (came.length > 0) {
        const fresh = new Set([...before.fresh, ...came.map(({ version }) => version)]);
        // An empty list’s end was the end of all.
        setShown({ ...before, facts: [...came, ...before.facts], fresh });
      }
    }
    void refresh();
    return () => {
      left = true;
    };
  }, [page, spelled, revision, tries, pause]);

  const loadMore = useCallback(() => {
    const { end } = latest.current;
    if (end === null) {
      return;
    }
    setLoadingMore(true);
    void page(end).then((got) => {
      setLoadingMore(false);
      if (got !== undefined) {
        setShown((before) =>
          before.of === spelled && before.end === end
            ? {
                ...before,
                facts: [...(before.facts ?? []), ...got.nodes],
                end: got.pageInfo.hasNextPage ? got.pageInfo.endCursor : null,
              }
            : before,
        );
      }
    });
  }, [page, spelled]);

  const again = useCallback(() => {
    setTries((count) => count + 1);
  }, []);
  const { facts, fresh, end } = shown;
  return { facts, fresh, fault, stale: shown.of !== spelled, hasMore: end !== null, loadingMore, loadMore, again };
}
