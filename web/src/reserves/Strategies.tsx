/** Strategies side by side: what each plan is worth, how its proceeds are spread, and what it gives whom. */

import { useMemo, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { Chart, type Line } from '../parts/Chart';
import { Money } from '../parts/Figure';
import { minus, moneyText, shortMoney } from '../parts/money';
import { Notice } from '../parts/Notice';
import { Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { Allocations } from './Allocations';
import { Meaning, type Term } from './Meaning';
import type { Plan, Run } from './run';
import styles from './Strategies.module.css';
import { STRATEGY, STRATEGY_MEANS } from './words';

interface Measure {
  name: string;
  means: string;
  of: (plan: Plan) => string;
  /** The same without any further cheque, where that has it. */
  without?: (baseline: NonNullable<Run['baseline']>) => string;
}

const MEASURES: readonly Measure[] = [
  { name: 'Expected value', means: 'expected proceeds, and what is never drawn', of: ({ expectedValue }) => expectedValue },
  {
    name: 'Expected proceeds',
    means: 'of the whole portfolio; exact, not simulated',
    of: ({ expectedProceeds }) => expectedProceeds,
    without: ({ expectedProceeds }) => expectedProceeds,
  },
  { name: 'Proceeds P05', means: '5% of the paths stay below', of: ({ proceedsP05 }) => proceedsP05, without: ({ proceedsP05 }) => proceedsP05 },
  { name: 'Proceeds P50', means: '50% stay below', of: ({ proceedsP50 }) => proceedsP50, without: ({ proceedsP50 }) => proceedsP50 },
  { name: 'Proceeds P95', means: '95% stay below', of: ({ proceedsP95 }) => proceedsP95, without: ({ proceedsP95 }) => proceedsP95 },
  {
    name: 'Mean of the worst 5%',
    means: 'of the paths',
    of: ({ worstFivePercentMean }) => worstFivePercentMean,
    without: ({ worstFivePercentMean }) => worstFivePercentMean,
  },
  { name: 'Allocated', means: 'of the pool', of: ({ totalAllocated }) => totalAllocated },
  { name: 'Remaining', means: 'of the pool', of: ({ remaining }) => remaining },
  { name: 'Cash need P95', means: 'cheques that 95% of the paths need no more than', of: ({ poolNeedP95 }) => poolNeedP95 },
];
const WITHOUT = 'No further cheque';
const SHARES = [5, 50, 95];
const percent = (share: number): string => `${share.toFixed(0)}%`;
const shares = { x: SHARES, xTitle: 'Share of paths that stay below', xText: percent, xAxisText: percent };
const LOOKS: readonly Pick<Line, 'tone' | 'dash'>[] = [{ tone: 1 }, { tone: 2, dash: [8, 4] }, { tone: 3, dash: [2, 3] }];

export function Strategies({ run }: { run: Run }): ReactNode {
  const { currency } = useFund();
  const { plans, baseline } = run;
  const columns = useMemo(() => measuresOf(plans, baseline), [plans, baseline]);
  const spreads = useMemo(() => linesOf(spreadsOf(run), currency), [run, currency]);
  const gains = useMemo(() => linesOf(gainsOf(run), currency), [run, currency]);
  const terms = useMemo((): Term[] => plans.map(({ strategy }) => [STRATEGY[strategy], STRATEGY_MEANS[strategy]]), [plans]);
  return (
    <Section title="Strategies side by side" tools={<Meaning of="the strategies" terms={terms} />}>
      {plans.length === 1 && <p className="soft">This run asked for one strategy. Choose others under Options to see them beside it.</p>}
      {plans.map(({ strategy, note, conservationOk }) => (
        <Notes key={strategy} name={STRATEGY[strategy]} note={note} conserved={conservationOk} />
      ))}
      <Table caption="Strategies side by side" quiet columns={columns} rows={MEASURES} rowKey={({ name }) => name} />
      <div className={styles.charts}>
        <Chart
          {...shares}
          title="Proceeds, by the share of paths that stay below"
          summary={summaryOf(spreads)}
          lines={spreads}
          axisText={(amount) => shortMoney(amount, currency)}
        />
        {run.baseline !== null && (
          <Chart
            {...shares}
            title="More than with no further cheque, by the share of paths that stay below"
            summary={summaryOf(gains)}
            lines={gains}
            axisText={(amount) => shortMoney(amount, currency)}
          />
        )}
      </div>
      <div className={styles.allocations}>
        <Allocations run={run} />
      </div>
    </Section>
  );
}

interface Spread {
  label: string;
  look: Pick<Line, 'tone' | 'dash'>;
  /** Proceeds at the shares. */
  exact: readonly string[];
}

function spreadsOf({ plans, baseline }: Run): Spread[] {
  const drawn = plans.map(({ strategy, proceedsP05, proceedsP50, proceedsP95 }, place): Spread => ({
    label: STRATEGY[strategy],
    look: LOOKS[place] ?? { tone: 4 },
    exact: [proceedsP05, proceedsP50, proceedsP95],
  }));
  return baseline === null
    ? drawn
    : [...drawn, { label: WITHOUT, look: { tone: 6, dash: [1, 4] }, exact: [baseline.proceedsP05, baseline.proceedsP50, baseline.proceedsP95] }];
}

/** By how much a plan's proceeds lie above those without any further cheque, at the same share. */
function gainsOf(run: Run): Spread[] {
  const spreads = spreadsOf(run);
  const without = spreads.at(-1);
  return spreads
    .filter(({ label }) => label !== WITHOUT)
    .map((one) => ({ ...one, exact: one.exact.map((amount, index) => minus(amount, without?.exact[index] ?? '0')) }));
}

function linesOf(spreads: readonly Spread[], currency: string): Line[] {
  return spreads.map(({ label, look, exact }) => ({
    label,
    ...look,
    exact,
    values: exact.map(Number),
    text: (index) => (exact[index] === undefined ? null : moneyText(exact[index], currency)),
  }));
}

function summaryOf(lines: readonly Line[]): string {
  return lines.map(({ label, text }) => `${label}: ${SHARES.map((share, index) => `${text(index) ?? 'none'} at ${share}%`).join(', ')}`).join('. ');
}

function measuresOf(plans: readonly Plan[], baseline: Run['baseline']): readonly Column<Measure>[] {
  return [
    { key: 'measure', title: 'Measure', value: ({ name }) => name },
    ...plans.map((plan, place): Column<Measure> => ({
      key: plan.strategy,
      title: `${STRATEGY[plan.strategy]}${place === 0 ? ' (recommended)' : ''}`,
      numeric: true,
      value: ({ of }) => of(plan),
      show: ({ of }) => <Money amount={of(plan)} />,
    })),
    {
      key: 'baseline',
      title: WITHOUT,
      numeric: true,
      value: ({ without }) => (baseline === null ? null : (without?.(baseline) ?? null)),
      show: ({ without }) => <Money amount={baseline === null ? null : (without?.(baseline) ?? null)} />,
    },
    { key: 'means', title: 'What it is', value: ({ means }) => means, show: ({ means }) => <span className={styles.means}>{means}</span> },
  ];
}

function Notes({ name, note, conserved }: { name: string; note: string | null; conserved: boolean }): ReactNode {
  return (
    <>
      {note !== null && (
        <Notice tone="warn" title={name}>
          {note}
        </Notice>
      )}
      {!conserved && (
        <Notice tone="bad" title={name}>
          What was allocated and what remains don’t make the pool to the cent. Don’t rely on this plan.
        </Notice>
      )}
    </>
  );
}
