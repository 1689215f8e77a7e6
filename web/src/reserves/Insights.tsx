/** What a recommendation comes to in a few figures. */

import type { ReactNode } from 'react';

import { Figure, Money, Multiple, MoneyChange } from '../parts/Figure';
import { absolute, plus, signOf } from '../parts/money';
import styles from './Insights.module.css';
import type { Run } from './run';
import { HIGH_MULTIPLE } from './words';

/** What the plan would move, and in which direction. */
export function moved(changes: readonly string[]): { up: string; down: string; total: string } {
  let [up, down] = ['0.00', '0.00'];
  for (const change of changes) {
    if (signOf(change) > 0) {
      up = plus(up, change);
    } else {
      down = plus(down, absolute(change));
    }
  }
  return { up, down, total: plus(up, down) };
}

export function Insights({ run }: { run: Run }): ReactNode {
  const ranked = run.recommendations;
  const high = ranked.filter(({ followOnMultiple }) => followOnMultiple > HIGH_MULTIPLE);
  const { up, down, total } = moved(ranked.map(({ change }) => change));
  const average = ranked.length === 0 ? null : ranked.reduce((sum, { expectedMoic }) => sum + expectedMoic, 0) / ranked.length;
  const [plan] = run.plans;
  return (
    <dl className={styles.cards}>
      <div>
        <dt>High opportunities</dt>
        <dd>
          <Figure text={String(high.length)} />
        </dd>
        <dd className={styles.means}>
          of {ranked.length} ranked companies have a follow-on multiple above {HIGH_MULTIPLE.toFixed(1)}×
          {high.length > 0 && `: ${high.map(({ companyName }) => companyName).join(', ')}`}.
        </dd>
      </div>
      <div>
        <dt>Total reallocation</dt>
        <dd>
          <Money amount={total} />
        </dd>
        <dd className={styles.means}>
          <MoneyChange by={up} good="neither" short /> in increases and{' '}
          <MoneyChange by={`-${down}`} good="neither" short /> in reductions of what is planned, added up.
        </dd>
      </div>
      <div>
        <dt>Average expected MOIC</dt>
        <dd>
          <Multiple of={average} />
        </dd>
        <dd className={styles.means}>Expected proceeds over expected deployment of each company’s increment; the plain mean of the ranked companies.</dd>
      </div>
      <div>
        <dt>Pool</dt>
        <dd>
          <Money amount={run.pool} />
        </dd>
        <dd className={styles.means}>
          What was split: planned and not deployed, unless a pool was given.
          {plan !== undefined && (
            <>
              {' '}
              <Money amount={plan.totalAllocated} short /> were allocated, <Money amount={plan.remaining} short /> remain.
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Shadow price</dt>
        <dd>
          <Multiple of={run.shadowPrice} />
        </dd>
        <dd className={styles.means}>{run.shadowPrice === null ? 'Only the optimal strategy has one.' : priceText(run.shadowPrice)}</dd>
      </div>
    </dl>
  );
}

function priceText(price: number): string {
  return price > 1
    ? 'What one more dollar in the pool would add: above 1.00×, a larger pool would earn more.'
    : 'What one more dollar in the pool would add: at 1.00×, it would stay undrawn.';
}
