/** The figures a partner asks for first, and how they changed. */

import type { ReactNode } from 'react';

import type { TotalsFragment } from '../../generated/operations';
import { Change, Money, MoneyChange, Multiple, Percent } from '../parts/Figure';
import { minus, multipleText, percentText } from '../parts/money';
import styles from './KeyFigures.module.css';

type Amount = 'nav' | 'totalValue' | 'totalInvested' | 'totalCalled' | 'totalDistributed' | 'cash';
type Ratio = 'moic' | 'tvpi' | 'dpi' | 'rvpi' | 'irr';

const AMOUNTS: readonly (readonly [name: string, field: Amount, good: 'up' | 'neither'])[] = [
  ['Net asset value', 'nav', 'up'],
  ['Fair value', 'totalValue', 'up'],
  ['Invested', 'totalInvested', 'neither'],
  ['Called', 'totalCalled', 'neither'],
  ['Distributed', 'totalDistributed', 'up'],
  ['Cash', 'cash', 'neither'],
];
const RATIOS: readonly (readonly [name: string, field: Ratio])[] = [
  ['Gross MOIC', 'moic'],
  ['TVPI', 'tvpi'],
  ['DPI', 'dpi'],
  ['RVPI', 'rvpi'],
  ['Net IRR', 'irr'],
];

interface Props {
  state: TotalsFragment;
  /** The state compared with; null while it is on its way. */
  before: TotalsFragment | null;
  /** Its day. */
  since: string;
}

export function KeyFigures({ state, before, since }: Props): ReactNode {
  return (
    <>
      <dl className={styles.figures}>
        {AMOUNTS.map(([name, field, good]) => (
          <div key={field}>
            <dt>{name}</dt>
            <dd>
              <Money amount={state[field]} />
              <span className={styles.change}>
                {before !== null && <MoneyChange by={minus(state[field], before[field])} good={good} short />}
              </span>
            </dd>
          </div>
        ))}
        {RATIOS.map(([name, field]) => (
          <div key={field}>
            <dt>{name}</dt>
            <dd>
              {field === 'irr' ? <Percent of={state[field]} /> : <Multiple of={state[field]} />}
              <span className={styles.change}>{before !== null && <RatioChange field={field} now={state[field]} then={before[field]} />}</span>
            </dd>
          </div>
        ))}
      </dl>
      <p className={styles.since}>Changes since {since}.</p>
    </>
  );
}

function RatioChange({ field, now, then }: { field: Ratio; now: number | null; then: number | null }): ReactNode {
  if (now === null || then === null) {
    return null;
  }
  // What the figures beside it show is what is compared: a change too small to see is none.
  const steps = field === 'irr' ? 1000 : 100;
  const difference = (Math.round(now * steps) - Math.round(then * steps)) / steps;
  const size = Math.abs(difference);
  return <Change sign={Math.sign(difference)} text={field === 'irr' ? `${percentText(size).replace('%', '')} pts` : multipleText(size)} />;
}
