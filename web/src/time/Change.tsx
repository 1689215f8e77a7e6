/** Two moments side by side: totals, companies, and the facts that make the difference. */

import type { ReactNode } from 'react';

import {
  ChangeDocument,
  type ChangedCompanyFragment,
  type ChangeQuery,
  type ChangeTotalsFragment,
} from '../../generated/operations';
import { useFund } from '../fund/fund';
import { Change as Moved, Figure, Money, MoneyChange, Multiple, Percent } from '../parts/Figure';
import { minus, multipleText, percentText } from '../parts/money';
import { Answered } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { useAnswer } from '../server/answer';
import styles from './Changed.module.css';
import { FactTable } from './FactTable';
import { statusText } from './Holdings';

export interface Sight {
  at: string | null;
  knownAt: string | null;
}

/** More than these aren’t listed here: the timeline has them all. */
const MOST_FACTS = 50;

/** What differs between two sights of the fund; not asked while `pause`. */
export function Change({ from, to, pause = false }: { from: Sight; to: Sight; pause?: boolean }): ReactNode {
  const { id: fund } = useFund();
  const answer = useAnswer(ChangeDocument, { fund, from, to, facts: MOST_FACTS }, { pause });
  return <Answered answer={answer}>{({ fundChange }) => <Differences change={fundChange} />}</Answered>;
}

function Differences({ change }: { change: ChangeQuery['fundChange'] }): ReactNode {
  const { from, to, companies, facts } = change;
  const totals = TOTALS.map((total) => ({ ...total, before: total.of(from), after: total.of(to) }));
  return (
    <div className={styles.parts}>
      <Table caption="Totals before and after" columns={TOTAL_COLUMNS} rows={totals} rowKey={({ name }) => name} />
      <Table
        caption="Companies before and after"
        search={companies.length > 20}
        bounded
        columns={COMPANY_COLUMNS}
        rows={companies}
        rowKey={({ companyId }) => companyId}
        empty="No company differs."
      />
      <FactTable
        caption={facts.length < MOST_FACTS ? 'Facts in between' : `The first ${MOST_FACTS} facts in between`}
        facts={facts}
        empty="No fact lies between them."
      />
    </div>
  );
}

interface Total {
  name: string;
  of: (state: ChangeTotalsFragment) => string | number | null;
  kind: 'money' | 'multiple' | 'rate';
  good: 'up' | 'down' | 'neither';
}

const TOTALS: readonly Total[] = [
  { name: 'Net asset value', of: (state) => state.nav, kind: 'money', good: 'up' },
  { name: 'Fair value', of: (state) => state.totalValue, kind: 'money', good: 'up' },
  { name: 'Invested', of: (state) => state.totalInvested, kind: 'money', good: 'neither' },
  { name: 'Proceeds', of: (state) => state.totalProceeds, kind: 'money', good: 'up' },
  { name: 'Called', of: (state) => state.totalCalled, kind: 'money', good: 'neither' },
  { name: 'Distributed', of: (state) => state.totalDistributed, kind: 'money', good: 'up' },
  { name: 'Fees', of: (state) => state.totalFees, kind: 'money', good: 'down' },
  { name: 'Cash', of: (state) => state.cash, kind: 'money', good: 'neither' },
  { name: 'Planned reserves', of: (state) => state.plannedReserves, kind: 'money', good: 'neither' },
  { name: 'Deployed reserves', of: (state) => state.deployedReserves, kind: 'money', good: 'neither' },
  { name: 'Gross MOIC', of: (state) => state.moic, kind: 'multiple', good: 'up' },
  { name: 'TVPI', of: (state) => state.tvpi, kind: 'multiple', good: 'up' },
  { name: 'DPI', of: (state) => state.dpi, kind: 'multiple', good: 'up' },
  { name: 'Net IRR', of: (state) => state.irr, kind: 'rate', good: 'up' },
];

interface TotalRow extends Total {
  before: string | number | null;
  after: string | number | null;
}

const TOTAL_COLUMNS: readonly Column<TotalRow>[] = [
  { key: 'name', title: 'Total', value: ({ name }) => name },
  { key: 'before', title: 'Before', numeric: true, value: ({ before }) => before, show: ({ kind, before }) => shown(kind, before) },
  { key: 'after', title: 'After', numeric: true, value: ({ after }) => after, show: ({ kind, after }) => shown(kind, after) },
  { key: 'change', title: 'Change', numeric: true, value: difference, show: (row) => <Difference row={row} /> },
];

function shown(kind: Total['kind'], total: string | number | null): ReactNode {
  if (kind === 'money') {
    return <Money amount={total === null ? null : String(total)} />;
  }
  return kind === 'multiple' ? <Multiple of={total === null ? null : Number(total)} /> : <Percent of={total} />;
}

function difference({ kind, before, after }: TotalRow): string | number | null {
  if (before === null || after === null) {
    return null;
  }
  return kind === 'money' ? minus(String(after), String(before)) : Number(after) - Number(before);
}

function Difference({ row }: { row: TotalRow }): ReactNode {
  const by = difference(row);
  if (by === null) {
    return <Figure text={null} />;
  }
  if (typeof by === 'string') {
    return <MoneyChange by={by} good={row.good} />;
  }
  const text = row.kind === 'multiple' ? multipleText(Math.abs(by)) : `${percentText(Math.abs(by)).replace('%', '')} points`;
  // What rounds to nothing is no change.
  return <Moved sign={/[1-9]/.test(text) ? Math.sign(by) : 0} text={text} good={row.good} />;
}

type CompanyRow = ChangeQuery['fundChange']['companies'][number];

const COMPANY_COLUMNS: readonly Column<CompanyRow>[] = [
  { key: 'name', title: 'Company', value: ({ name }) => name },
  words('status', 'Status', (company) => (company === null ? 'not held' : statusText(company.status))),
  words('stage', 'Stage', (company) => company?.stage ?? '–'),
  amount('investedBefore', 'Invested before', ({ before }) => before?.totalInvestment ?? null),
  amount('investedAfter', 'Invested after', ({ after }) => after?.totalInvestment ?? null),
  amount('valueBefore', 'Fair value before', ({ before }) => before?.fairValue ?? null),
  amount('valueAfter', 'Fair value after', ({ after }) => after?.fairValue ?? null),
  {
    key: 'valueChange',
    title: 'Change',
    numeric: true,
    value: valueChange,
    show: (row) => <MoneyChange by={valueChange(row)} />,
  },
  amount('proceedsAfter', 'Proceeds after', ({ after }) => after?.realizedProceeds ?? null),
  amount('plannedAfter', 'Planned reserves after', ({ after }) => after?.plannedReserves ?? null),
];

function valueChange({ before, after }: CompanyRow): string {
  return minus(after?.fairValue ?? '0.00', before?.fairValue ?? '0.00');
}

function words(key: string, title: string, of: (company: ChangedCompanyFragment | null) => string): Column<CompanyRow> {
  return {
    key,
    title,
    value: ({ before, after }) => (of(before) === of(after) ? of(after) : `${of(before)} → ${of(after)}`),
  };
}

function amount(key: string, title: string, of: (row: CompanyRow) => string | null): Column<CompanyRow> {
  return { key, title, numeric: true, value: of, show: (row) => <Money amount={of(row)} /> };
}
