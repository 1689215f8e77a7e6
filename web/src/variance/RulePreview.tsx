/** What the rule being written would have done on the figures there are. */

import type { ReactNode } from 'react';

import type { PreviewAlertRuleQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { Figure } from '../parts/Figure';
import { Answered } from '../parts/Section';
import type { Answer } from '../server/answer';
import { figureTitle } from './FigureDetail';
import { outcomeOf } from './outcome';
import styles from './Rules.module.css';

export function RulePreview(props: { answer: Answer<PreviewAlertRuleQuery>; waits: boolean; stale: boolean }): ReactNode {
  const { answer, waits, stale } = props;
  return (
    <section className={styles.preview} aria-labelledby="rule-preview">
      <h3 id="rule-preview">What it would have done</h3>
      {waits ? (
        <p className="soft">Mend what is marked, and this says how often the rule would have alerted.</p>
      ) : (
        <Answered answer={{ ...answer, stale: answer.stale || stale }}>{({ previewAlertRule }) => <Told told={previewAlertRule} />}</Answered>
      )}
    </section>
  );
}

function Told({ told }: { told: PreviewAlertRuleQuery['previewAlertRule'] }): ReactNode {
  const { currency } = useFund();
  if (told.errors.length > 0) {
    return <p role="status">This can’t be a rule yet: {told.errors.map(({ message }) => message).join(' ')}</p>;
  }
  return (
    <>
      <p role="status" className={styles.advice}>
        {told.advice}
      </p>
      <dl className={styles.counts}>
        <div>
          <dt>Alerts</dt>
          <dd>{told.alerts}</dd>
        </div>
        <div>
          <dt>A month</dt>
          <dd>{told.alertsPerMonth.toFixed(1)}</dd>
        </div>
        <div>
          <dt>Breaches</dt>
          <dd>{told.breaches}</dd>
        </div>
        <div>
          <dt>Figures</dt>
          <dd>{told.figures}</dd>
        </div>
      </dl>
      <p className="soft">On the newest eight periods of each company and figure in its scope; {told.periods} periods in all.</p>
      {told.examples.length > 0 && (
        <>
          <h4>The newest that would have opened one</h4>
          <ul>
            {told.examples.map((one) => (
              <li key={figureTitle(one)}>
                {figureTitle(one)} <Figure text={outcomeOf(one, currency).sign} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
