/** The facts that stand as marks on the time bar, and between which one can step. */

import { useEffect, useMemo, useState } from 'react';
import { useClient } from 'urql';

import { FundMarksDocument, type FundEventType, type FundMarksQuery } from '../../generated/operations';
import { useFirstCame } from '../server/first';
import { useFund } from '../fund/fund';
import { useNewestFact } from '../fund/facts';
import { useMoment } from './moment';

export type Mark = Omit<FundMarksQuery['timeline']['nodes'][number], 'id'>;
export type MarkKind = 'capital' | 'companies' | 'values';

/** More would be a solid line, and slow to fetch; the newest come first. */
const MOST_PAGES = 10;

const KINDS: Partial<Record<FundEventType, MarkKind>> = {
  CAPITAL_CALLED: 'capital',
  DISTRIBUTION_MADE: 'capital',
  COMPANY_ADDED: 'companies',
  INVESTMENT_MADE: 'companies',
  ROUND_PRICED: 'companies',
  PROCEEDS_RECEIVED: 'companies',
  COMPANY_STATUS_CHANGED: 'companies',
  VALUATION_UPDATED: 'values',
};

export function kindOf(mark: Mark): MarkKind | undefined {
  return KINDS[mark.type];
}

/** Marks known at the page’s moment, in the order in which they were true. */
export function useMarks(): readonly Mark[] {
  const client = useClient();
  const { id: fund } = useFund();
  const { knownAt } = useMoment();
  const newest = useNewestFact();
  const [marks, setMarks] = useState<readonly Mark[]>([]);

  const first = useFirstCame();

  useEffect(() => {
    let left = false;
    async function load(): Promise<void> {
      const found: Mark[] = [];
      let after: string | null = null;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const { data }: { data?: FundMarksQuery | undefined } = await client
          .query(FundMarksDocument, { fund, after }, { requestPolicy: 'network-only' })
          .toPromise();
        if (left || data === undefined) {
          return;
        }
        found.push(...data.timeline.nodes);
        after = data.timeline.pageInfo.endCursor;
        if (!data.timeline.pageInfo.hasNextPage) {
          break;
        }
      }
      setMarks(found);
    }
    if (first) {
      void load();
    }
    return () => {
      left = true;
    };
  }, [client, fund, first]);

  return useMemo(() => {
    const all = newest !== null && KINDS[newest.type] !== undefined ? [...marks, newest] : marks;
    return all
      .filter(({ recordedAt }) => knownAt === null || recordedAt <= knownAt)
      .toSorted((a, b) => (a.occurredAt < b.occurredAt ? -1 : a.occurredAt > b.occurredAt ? 1 : a.version - b.version));
  }, [marks, newest, knownAt]);
}
