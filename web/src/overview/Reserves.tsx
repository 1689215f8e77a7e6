/** Reserves in one glance: planned, deployed, and where the next dollar earns most. */

import type { ReactNode } from 'react';

import type { GlanceQuery, ReserveAction } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { instantText } from '../moment/instant';
import { Money, Multiple } from '../parts/Figure';
import { minus } from '../parts/money';
import { Empty } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import styles from './Reserves.module.css';

type State = NonNullable<GlanceQuery['fund']>;
type Recommendation = NonNullable<State['latestRecommendation']>['recommendations'][number];

const MOST = 5;
const ACTION: Record<ReserveAction, string> = { INCREASE: 'increase', REDUCE: 'reduce', HOLD: 'hold' };

const COLUMNS: readonly Column<Recommendation>[] = [
  { key: 'company', title: 'Company', value: ({ companyName }) => companyName },
  {
    key: 'multiple',
    title: 'Next dollar',
    numeric: true,
    value: ({ followOnMultiple }) => followOnMultiple,
    show: ({ followOnMultiple }) => <Multiple of={followOnMultiple} />,
  },
  {
    key: 'recommended',
    title: 'Recommended',
    numeric: true,
    value: ({ recommendedAllocation }) => recommendedAllocation,
    show: ({ recommendedAllocation }) => <Money amount={recommendedAllocation} short />,
  },
  { key: 'action', title: 'Action', value: ({ action }) => ACTION[action] },
];

export function Reserves({ state }: { state: State }): ReactNode {
  const { timeZone } = useFund();
  const run = state.latestRecommendation;
  return (
    <>
      <dl className={styles.figures}>
        <div>
          <dt>Planned</dt>
          <dd>
            <Money amount={state.plannedReserves} short />
          </dd>
        </div>
        <div>
          <dt>Deployed</dt>
          <dd>
            <Money amount={state.deployedReserves} short />
          </dd>
        </div>
        <div>
          <dt>Still to deploy</dt>
          <dd>
            <Money amount={minus(state.plannedReserves, state.deployedReserves)} short />
          </dd>
        </div>
      </dl>
      {run === null ? (
        <Empty>Nobody had asked yet, by this moment, where the next follow-on dollar earns most.</Empty>
      ) : (
        <>
          <Table
            caption="Where the next follow-on dollar earns most"
            columns={COLUMNS}
            rows={run.recommendations.slice(0, MOST)}
            rowKey={({ companyId }) => companyId}
          />
          <p className={styles.note}>
            Asked for on {instantText(run.requestedAt, timeZone)}
            {run.staleSince === null ? '.' : `; out of date since ${instantText(run.staleSince, timeZone)}.`}
          </p>
        </>
      )}
    </>
  );
}
