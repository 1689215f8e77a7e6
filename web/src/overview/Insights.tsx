/** What is worth a partner’s attention, told from the API’s figures, each with its evidence. */

import { useMemo, type ReactNode } from 'react';

import type { GlanceQuery, RecentVariancesQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { ToTab } from '../layout/ToTab';
import { Empty } from '../parts/Section';
import styles from './Insights.module.css';
import { insightsOf } from './insight';
import type { Mover } from './Movers';

interface Props {
  state: NonNullable<GlanceQuery['fund']>;
  movers: readonly Mover[];
  variances: RecentVariancesQuery['variances']['nodes'];
  since: string;
}

export function Insights({ state, movers, variances, since }: Props): ReactNode {
  const { currency } = useFund();
  const insights = useMemo(
    () => insightsOf({ state, movers, variances, since, currency }),
    [state, movers, variances, since, currency],
  );
  if (insights.length === 0) {
    return <Empty>Nothing stands out at this moment.</Empty>;
  }
  return (
    <ul className={styles.insights}>
      {insights.map(({ tone, title, text, evidence, search }) => (
        <li key={title} data-tone={tone}>
          <h3>
            <ToTab tab={evidence} search={search}>
              {title}
            </ToTab>
          </h3>
          <p>{text}</p>
        </li>
      ))}
    </ul>
  );
}
