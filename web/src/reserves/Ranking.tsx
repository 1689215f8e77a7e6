/** The ranking: where the next follow-on dollar earns most, what to plan for whom, and why no more. */

import type { ReactNode } from 'react';

import { Figure, Money, MoneyChange, Multiple, Percent } from '../parts/Figure';
import { multipleText } from '../parts/money';
import { Empty, Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { Meaning, type Term } from './Meaning';
import styles from './Ranking.module.css';
import type { Recommendation, Run } from './run';
import { ToCurve } from './ToRun';
import { ACTION, reasonText } from './words';

const COLUMNS: readonly Column<Recommendation>[] = [
  { key: 'rank', title: 'Rank', numeric: true, value: ({ rank }) => rank },
  { key: 'company', title: 'Company', heads: true, value: ({ companyName }) => companyName },
  {
    key: 'multiple',
    title: 'Follow-on multiple',
    numeric: true,
    value: ({ followOnMultiple }) => followOnMultiple,
    show: ({ followOnMultiple }) => <Multiple of={followOnMultiple} />,
  },
  {
    key: 'moic',
    title: 'Expected MOIC',
    numeric: true,
    value: ({ expectedMoic }) => expectedMoic,
    show: ({ expectedMoic }) => <Multiple of={expectedMoic} />,
  },
  {
    key: 'current',
    title: 'Current',
    numeric: true,
    value: ({ currentReserveAllocation }) => currentReserveAllocation,
    show: ({ currentReserveAllocation }) => <Money amount={currentReserveAllocation} />,
  },
  {
    key: 'recommended',
    title: 'Recommended',
    numeric: true,
    value: ({ recommendedAllocation }) => recommendedAllocation,
    show: ({ recommendedAllocation }) => <Money amount={recommendedAllocation} />,
  },
  {
    key: 'deployed',
    title: 'Deployed',
    numeric: true,
    value: ({ deployedReserves }) => deployedReserves,
    show: ({ deployedReserves }) => <Money amount={deployedReserves} />,
  },
  {
    key: 'change',
    title: 'Change',
    numeric: true,
    value: ({ change }) => change,
    show: ({ change }) => <MoneyChange by={change} good="neither" />,
  },
  {
    key: 'action',
    title: 'Action',
    value: ({ action }) => ACTION[action],
    show: ({ action }) => <span className={styles[action.toLowerCase()]}>{ACTION[action]}</span>,
  },
  {
    key: 'confidence',
    title: 'Confidence',
    numeric: true,
    value: ({ confidenceScore }) => confidenceScore,
    show: ({ confidenceScore }) => <Percent of={confidenceScore} digits={0} />,
  },
  {
    key: 'reason',
    title: 'Why no more',
    value: ({ limitedBy }) => limitedBy,
    show: ({ limitedBy }) => <span title={reasonText(limitedBy)}>{limitedBy}</span>,
  },
  { key: 'stage', title: 'Stage', value: ({ stage }) => stage },
];

const TERMS: readonly Term[] = [
  ['Follow-on multiple', 'Expected MOIC of the next dollar: expected proceeds over what of it is expected to be deployed.'],
  ['Expected MOIC', 'The same of the whole increment (one million unless another was asked for).'],
  ['Current', 'Planned for the company in total; deployed counts against it.'],
  ['Recommended', 'What to plan in total: what is deployed, and the new money that the plan gives it.'],
  ['Deployed', 'Of what is planned, invested already.'],
  ['Confidence', 'The odds aren’t known exactly: in so many of the draws of them, the company’s next increment is still funded.'],
  ['Why no more', 'cap: the limits for one company · stage: the limit of its stage · pro-rata: the fund’s right to take part is used up · minimum cheque: what is left is too small · cut-off: the next dollar is worth more elsewhere, or undrawn · excluded.'],
];

export function Ranking({ run }: { run: Run }): ReactNode {
  return (
    <Section title="Ranking" tools={<Meaning of="the ranking" terms={TERMS} />}>
      <Table
        caption="Ranking of companies for follow-on money"
        quiet
        search={run.recommendations.length > 20}
        columns={COLUMNS}
        rows={run.recommendations}
        rowKey={({ companyId }) => companyId}
        sort={{ key: 'rank', down: false }}
        detail={detailOf}
        empty="No company could be ranked."
      />
      {run.unavailable.length > 0 && <Unavailable run={run} />}
    </Section>
  );
}

function detailOf(one: Recommendation): ReactNode {
  return <Detail one={one} />;
}

function Detail({ one }: { one: Recommendation }): ReactNode {
  const interval = `${multipleText(one.followOnMultipleLow)} to ${multipleText(one.followOnMultipleHigh)}`;
  return (
    <div className={styles.detail}>
      <p>
        <strong>{ACTION[one.action]}.</strong> {reasonText(one.limitedBy)} <ToCurve company={one.companyId}>Its marginal curve</ToCurve>
      </p>
      <dl>
        <Entry name="Follow-on multiple lies in" means="by draws of the odds">
          <Figure text={interval} />
        </Entry>
        <Entry name="Increment’s MOIC, P05 · P50 · P95" means="on the paths in which it is deployed">
          <Figure text={[one.moicP05, one.moicP50, one.moicP95].map(multipleText).join(' · ')} />
        </Entry>
        <Entry name="Simulated MOIC ± standard error" means="a check on the expected one, which is exact">
          <Figure text={one.simulatedMoic === null ? null : `${multipleText(one.simulatedMoic)} ± ${one.standardError.toFixed(4)}`} />
        </Entry>
        <Entry name="Next dollar at what is planned" means="expected MOIC once all that is planned is spent; none where no round takes more">
          <Multiple of={one.marginalAtPlanned} />
        </Entry>
        <Entry name="Value of a reserved dollar" means="the next one, drawn or not">
          <Multiple of={one.valuePerReservedDollar} />
        </Entry>
        <Entry name="Expected deployment" means="of the increment">
          <Money amount={one.expectedDeployment} />
        </Entry>
        <Entry name="Over ownership" means="the follow-on multiple over the fund’s ownership">
          <Multiple of={one.ownershipAdjustedMultiple} />
        </Entry>
        <Entry name="Kelly fraction" means="of one’s capital that growth allows to put into it at most">
          <Percent of={one.kellyFraction} />
        </Entry>
      </dl>
    </div>
  );
}

function Entry({ name, means, children }: { name: string; means: string; children: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {children} <span className="soft">{means}</span>
      </dd>
    </div>
  );
}

const MISSING: readonly Column<Run['unavailable'][number]>[] = [
  { key: 'company', title: 'Company', value: ({ companyName }) => companyName },
  { key: 'reason', title: 'Why', value: ({ reason }) => reason },
];

function Unavailable({ run }: { run: Run }): ReactNode {
  return (
    <div className={styles.unavailable}>
      <Empty>
        {run.unavailable.length === 1 ? 'One company isn’t ranked' : `${run.unavailable.length} companies aren’t ranked`}: nothing can be
        recommended without guessing.
      </Empty>
      <Table caption="Companies that aren’t ranked" columns={MISSING} rows={run.unavailable} rowKey={({ companyId }) => companyId} />
    </div>
  );
}
