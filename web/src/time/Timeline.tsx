/** Every fact of the fund, newest learned first, with filters that stand in the address. */

import { useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { useMoment } from '../moment/moment';
import { Notice } from '../parts/Notice';
import { Loading, Section } from '../parts/Section';
import { FactTable } from './FactTable';
import { Filters } from './Filters';
import { usePages } from './pages';
import { filterOf } from './search';
import styles from './Timeline.module.css';

export function Timeline(): ReactNode {
  const search = useSearch({ from: '/funds/$fund/time' });
  const moment = useMoment();
  const { timeZone } = useFund();
  const pages = usePages(filterOf(search, moment, timeZone), moment.moving);
  const { facts, fresh, fault, stale, hasMore, loadingMore, loadMore, again } = pages;
  return (
    <Section title="Timeline">
      <Filters />
      {fault !== undefined && (
        <Notice tone={fault.kind === 'away' ? 'warn' : 'bad'} title={fault.title}>
          {fault.advice}{' '}
          <button type="button" onClick={again}>
            Try again
          </button>
        </Notice>
      )}
      <p role="status" className="spoken">
        {fresh.size === 0 ? '' : `${fresh.size === 1 ? 'A new fact' : `${fresh.size} new facts`} in the timeline`}
      </p>
      {facts === undefined ? (
        fault === undefined && <Loading />
      ) : (
        <div className={stale ? 'stale' : undefined} aria-busy={stale}>
          <FactTable
            caption="Timeline"
            quiet
            facts={facts}
            fresh={fresh}
            empty="No fact passes these filters at this moment. Take some of them away, or list later facts too."
          />
          <div className={styles.foot}>
            <span className="soft">
              {facts.length} {facts.length === 1 ? 'fact' : 'facts'}
              {hasMore ? ' so far' : ', which is all'}
            </span>
            {hasMore && (
              <button type="button" disabled={loadingMore} onClick={loadMore}>
                {loadingMore ? 'Loading …' : 'Load more'}
              </button>
            )}
          </div>
        </div>
      )}
    </Section>
  );
}
