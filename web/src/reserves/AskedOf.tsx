/** What was asked of a run: its options, as the fact has them that asked for it. */

import { useState, type ReactNode } from 'react';

import { RunAskedDocument } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { fromMicros, micros } from '../moment/instant';
import { moneyText, percentText } from '../parts/money';
import { Answered } from '../parts/Section';
import { useAnswer } from '../server/answer';
import { askedAgain, type Asked, type Options } from './asked';
import styles from './Meaning.module.css';
import type { Run } from './run';
import { MODE, RANK_BY, STRATEGY } from './words';

/** Asked for once it is opened; `onAgain` takes the options for another run, where the reader may ask for one. */
export function AskedOf({ run, onAgain }: { run: Run; onAgain: ((asked: Asked) => void) | undefined }): ReactNode {
  const { id: fund, currency } = useFund();
  const [open, setOpen] = useState(false);
  const from = run.requestedAt;
  const answer = useAnswer(RunAskedDocument, { fund, from, to: fromMicros(micros(from) + 1n) }, { pause: !open });
  return (
    <details
      className={styles.meaning}
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>What was asked</summary>
      {open && (
        <Answered answer={answer}>
          {({ timeline }) => {
            const fact = timeline.nodes.find((node) => 'runId' in node && run.id.endsWith(node.runId));
            return fact === undefined || !('options' in fact) ? (
              <p className="soft">The fact that asked for it isn’t in the ledger any more.</p>
            ) : (
              <>
                <dl>
                  {toldOf(fact.options, run, currency).map(([name, text]) => (
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd>{text}</dd>
                    </div>
                  ))}
                </dl>
                {onAgain !== undefined && (
                  <button
                    type="button"
                    onClick={() => {
                      onAgain(askedAgain(fact.options));
                    }}
                  >
                    Use these options for another run
                  </button>
                )}
              </>
            );
          }}
        </Answered>
      )}
    </details>
  );
}

function list(texts: readonly string[]): string {
  return texts.length === 0 ? 'none' : texts.join(', ');
}

function toldOf(options: Options, run: Run, currency: string): (readonly [string, string])[] {
  const amount = (text: string | null, none: string): string => (text === null ? none : moneyText(text, currency));
  const names = new Map([...run.recommendations, ...run.unavailable].map(({ companyId, companyName }) => [companyId, companyName]));
  const name = (companyId: string): string => names.get(companyId) ?? companyId;
  return [
    ['Strategies', options.strategies.map((one) => STRATEGY[one]).join(', ')],
    ['An undrawn dollar is worth', MODE[options.mode]],
    ['Ranked by', RANK_BY[options.rankBy]],
    ['Pool', amount(options.pool, 'planned and not deployed')],
    ['Increment', amount(options.incrementalAmount, 'none')],
    ['Smallest cheque', amount(options.minCheck, 'none')],
    ['Most for one company', amount(options.maxPerCompany, 'no such limit')],
    ['Most in one company, of the fund', percentText(options.maxPerCompanyShare)],
    ['Most for one company, of the pool', percentText(options.maxPoolShare)],
    ['Most by stage', list(options.maxPerStage.map(({ stage, max }) => `${stage} ${moneyText(max, currency)}`))],
    ['Promised', list(options.commitments.map((one) => `${name(one.companyId)} ${moneyText(one.amount, currency)}`))],
    ['Excluded', list(options.excludedCompanyIds.map(name))],
    ['Floor in bad times', amount(options.worstFivePercentFloor, 'none')],
    ['Discount rate', options.discountRate === null ? 'none' : percentText(options.discountRate)],
    ['Market correlation', options.marketCorrelation],
    ['Interval of the multiple', percentText(options.confidenceLevel, 0)],
    ['Paths', options.iterations.toLocaleString('en')],
    ['Seed', String(options.seed)],
  ];
}
