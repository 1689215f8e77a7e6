/** What changed between two recommendations, company by company. */

import { useMemo, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { instantText, micros } from '../moment/instant';
import { Change, Figure, Money, MoneyChange, Multiple } from '../parts/Figure';
import { minus, multipleText } from '../parts/money';
import { Answered, Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import styles from './Changes.module.css';
import { isReplay, useRun, type Recommendation, type Run } from './run';
import { ToComparison } from './ToRun';
import { ACTION } from './words';

/** The open run beside another: the one of the earlier moment is “before”, or of one moment the one asked for first. */
export function Changes({ run, other }: { run: Run; other: string }): ReactNode {
  const { figures, answer } = useRun(other);
  return (
    <Section
      title="What changed between two runs"
      tools={
        <ToComparison run={undefined}>
          Close
        </ToComparison>
      }
    >
      <Answered answer={answer}>
        {() => (figures === undefined ? <p className="soft">There is no such run any more, or it came to nothing.</p> : <Compared one={run} two={figures} />)}
      </Answered>
    </Section>
  );
}

interface Pair {
  companyId: string;
  name: string;
  before: Recommendation | undefined;
  after: Recommendation | undefined;
}

function Compared({ one, two }: { one: Run; two: Run }): ReactNode {
  const order = micros(one.at) - micros(two.at) || micros(one.requestedAt) - micros(two.requestedAt);
  const [before, after] = order <= 0n ? [one, two] : [two, one];
  const rows = useMemo(() => pairsOf(before, after), [before, after]);
  return (
    <>
      <dl className={styles.runs}>
        <About name="Before" run={before} />
        <About name="After" run={after} />
        <div>
          <dt>Pool</dt>
          <dd>{before.pool !== null && after.pool !== null && <MoneyChange by={minus(after.pool, before.pool)} good="neither" />}</dd>
        </div>
        <div>
          <dt>Expected value</dt>
          <dd>
            {before.plans[0] !== undefined && after.plans[0] !== undefined && (
              <MoneyChange by={minus(after.plans[0].expectedValue, before.plans[0].expectedValue)} />
            )}
          </dd>
        </div>
        <div>
          <dt>Shadow price</dt>
          <dd>
            <Multiple of={before.shadowPrice} /> → <Multiple of={after.shadowPrice} />
          </dd>
        </div>
      </dl>
      <Table
        caption="What changed between two runs"
        quiet
        search={rows.length > 20}
        columns={COLUMNS}
        rows={rows}
        rowKey={({ companyId }) => companyId}
      />
    </>
  );
}

function About({ name, run }: { name: string; run: Run }): ReactNode {
  const { timeZone } = useFund();
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        Asked {instantText(run.requestedAt, timeZone)}
        <span className="soft">
          {' '}
          of the fund at {isReplay(run) ? instantText(run.at, timeZone) : 'that moment'}, up to version {run.fundVersion}
        </span>
      </dd>
    </div>
  );
}

function pairsOf(before: Run, after: Run): Pair[] {
  const earlier = new Map(before.recommendations.map((one) => [one.companyId, one]));
  const later = new Map(after.recommendations.map((one) => [one.companyId, one]));
  const both = after.recommendations.map((one): Pair => ({ companyId: one.companyId, name: one.companyName, before: earlier.get(one.companyId), after: one }));
  const gone = before.recommendations.filter(({ companyId }) => !later.has(companyId));
  return [...both, ...gone.map((one): Pair => ({ companyId: one.companyId, name: one.companyName, before: one, after: undefined }))];
}

function difference({ before, after }: Pair): string | null {
  return before === undefined || after === undefined ? null : minus(after.recommendedAllocation, before.recommendedAllocation);
}

const COLUMNS: readonly Column<Pair>[] = [
  { key: 'company', title: 'Company', value: ({ name }) => name },
  {
    key: 'rank',
    title: 'Rank',
    value: ({ before, after }) => after?.rank ?? before?.rank ?? null,
    numeric: true,
    show: ({ before, after }) => <Figure text={`${before?.rank ?? 'not ranked'} → ${after?.rank ?? 'not ranked'}`} />,
  },
  {
    key: 'multiple-before',
    title: 'Multiple before',
    numeric: true,
    value: ({ before }) => before?.followOnMultiple ?? null,
    show: ({ before }) => <Multiple of={before?.followOnMultiple ?? null} />,
  },
  {
    key: 'multiple-after',
    title: 'Multiple after',
    numeric: true,
    value: ({ after }) => after?.followOnMultiple ?? null,
    show: ({ after }) => <Multiple of={after?.followOnMultiple ?? null} />,
  },
  {
    key: 'multiple-change',
    title: 'Change',
    numeric: true,
    value: ({ before, after }) => (before === undefined || after === undefined ? null : after.followOnMultiple - before.followOnMultiple),
    show: ({ before, after }) => {
      if (before === undefined || after === undefined) {
        return <Figure text={null} />;
      }
      const by = after.followOnMultiple - before.followOnMultiple;
      return <Change sign={Math.sign(Math.round(by * 100))} text={multipleText(Math.abs(by))} />;
    },
  },
  {
    key: 'recommended-before',
    title: 'Recommended before',
    numeric: true,
    value: ({ before }) => before?.recommendedAllocation ?? null,
    show: ({ before }) => <Money amount={before?.recommendedAllocation ?? null} />,
  },
  {
    key: 'recommended-after',
    title: 'Recommended after',
    numeric: true,
    value: ({ after }) => after?.recommendedAllocation ?? null,
    show: ({ after }) => <Money amount={after?.recommendedAllocation ?? null} />,
  },
  {
    key: 'recommended-change',
    title: 'Difference',
    numeric: true,
    value: difference,
    show: (pair) => {
      const by = difference(pair);
      return by === null ? <Figure text={null} /> : <MoneyChange by={by} good="neither" />;
    },
  },
  {
    key: 'action',
    title: 'Action',
    value: ({ before, after }) => {
      const [was, is] = [before, after].map((one) => (one === undefined ? 'none' : ACTION[one.action]));
      return was === is ? `${is}, as before` : `${was} → ${is}`;
    },
  },
];
