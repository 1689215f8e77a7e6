/** The overview: how the fund stands at the moment, in one glance. */

import { useMemo, type ReactNode } from 'react';

import { GlanceDocument, KeyFiguresDocument, MoversDocument, RecentVariancesDocument } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { NoSuchFund } from '../layout/states';
import { ToTab } from '../layout/ToTab';
import { useAnswerAt } from '../moment/answerAt';
import { useComparison } from '../moment/compare';
import { ComparedWith } from '../moment/ComparedWith';
import { addDays, dayText } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Answered, Section } from '../parts/Section';
import { useAnswer } from '../server/answer';
import { Alerts } from './Alerts';
import { Flows, Value } from './Curves';
import { Insights } from './Insights';
import { KeyFigures } from './KeyFigures';
import { moversOf, TopMovers } from './Movers';
import styles from './Overview.module.css';
import { Reserves } from './Reserves';

/** Periods that ended so long before the moment still say how a company does. */
const RECENT_DAYS = 200;
const NONE = [] as const;

export function Overview(): ReactNode {
  const fund = useFund();
  const { at, knownAt, day, moving } = useMoment();
  const compared = useComparison();
  const figures = useAnswerAt(KeyFiguresDocument, {});
  const before = useAnswer(KeyFiguresDocument, { fund: fund.id, at: compared.at, knownAt }, { pause: figures.data === undefined });
  // The figures first, then what explains them, then what takes long: who scrubs waits for the figures alone.
  const glance = useAnswerAt(GlanceDocument, {}, { pause: figures.stale });
  const movers = useAnswer(
    MoversDocument,
    { fund: fund.id, from: { at: compared.at, knownAt }, to: { at, knownAt } },
    { pause: figures.stale },
  );
  const variances = useAnswerAt(
    RecentVariancesDocument,
    { periodFrom: addDays(day, -RECENT_DAYS) },
    { pause: moving || glance.stale || glance.data === undefined },
  );
  const moved = useMemo(() => (movers.data === undefined ? [] : moversOf(movers.data)), [movers.data]);
  const since = dayText(compared.day);
  return (
    <div className={styles.overview}>
      <Section title="Key figures" tools={<ComparedWith />}>
        <Answered answer={figures}>
          {({ fund: state }) =>
            state === null ? <NoSuchFund /> : <KeyFigures state={state} before={before.data?.fund ?? null} since={since} />
          }
        </Answered>
      </Section>
      <div className={styles.halves}>
        <Section title="Value">
          <Value />
        </Section>
        <Section title="Cash flow">
          <Flows />
        </Section>
      </div>
      <Section title="Insights">
        <Answered answer={{ ...glance, stale: glance.stale || movers.stale || variances.stale }}>
          {({ fund: state }) =>
            state !== null && (
              <Insights
                state={state}
                movers={moved}
                variances={variances.data?.variances.nodes ?? NONE}
                since={since}
              />
            )
          }
        </Answered>
      </Section>
      <div className={styles.halves}>
        <div className={styles.overview}>
          <Section title="Top movers" tools={<ToTab tab="time">All changes</ToTab>}>
            <Answered answer={movers}>{() => <TopMovers movers={moved} since={since} />}</Answered>
          </Section>
          <Section title="Reserves" tools={<ToTab tab="reserves">All of the ranking</ToTab>}>
            <Answered answer={glance}>{({ fund: state }) => state !== null && <Reserves state={state} />}</Answered>
          </Section>
        </div>
        <Section title="Open alerts" tools={<ToTab tab="variance" search={{ view: 'alerts' }}>All alerts</ToTab>}>
          <Answered answer={glance}>{({ fund: state }) => state !== null && <Alerts alerts={state.varianceAlerts} />}</Answered>
        </Section>
      </div>
    </div>
  );
}
