/** Companies whose fair value moved most. */

import type { ReactNode } from 'react';

import type { MoversQuery } from '../../generated/operations';
import { Money, MoneyChange } from '../parts/Figure';
import { absolute, compareDecimals, minus, signOf } from '../parts/money';
import { Empty } from '../parts/Section';
import { Table, type Column } from '../parts/Table';

const MOST = 6;

export interface Mover {
  companyId: string;
  name: string;
  before: string;
  after: string;
  change: string;
  /** Of the change, new cheques. */
  invested: string;
}

/** What moved, the largest change of fair value first. */
export function moversOf({ fundChange }: MoversQuery): Mover[] {
  return fundChange.companies
    .map(({ companyId, name, before, after }) => {
      const [then, now] = [before?.fairValue ?? '0.00', after?.fairValue ?? '0.00'];
      const invested = minus(after?.totalInvestment ?? '0.00', before?.totalInvestment ?? '0.00');
      return { companyId, name, before: then, after: now, change: minus(now, then), invested };
    })
    .filter(({ change }) => signOf(change) !== 0)
    .toSorted((a, b) => compareDecimals(absolute(b.change), absolute(a.change)));
}

const COLUMNS: readonly Column<Mover>[] = [
  { key: 'name', title: 'Company', value: ({ name }) => name },
  { key: 'after', title: 'Fair value', numeric: true, value: ({ after }) => after, show: ({ after }) => <Money amount={after} short /> },
  { key: 'change', title: 'Change', numeric: true, value: ({ change }) => change, show: ({ change }) => <MoneyChange by={change} short /> },
  {
    key: 'invested',
    title: 'Invested',
    numeric: true,
    value: ({ invested }) => invested,
    show: ({ invested }) => <Money amount={signOf(invested) === 0 ? null : invested} short />,
  },
];

export function TopMovers({ movers, since }: { movers: readonly Mover[]; since: string }): ReactNode {
  if (movers.length === 0) {
    return <Empty>No holding’s fair value has changed since {since}.</Empty>;
  }
  return (
    <Table
      caption={`Fair value moved most since ${since}`}
      columns={COLUMNS}
      rows={movers.slice(0, MOST)}
      rowKey={({ companyId }) => companyId}
    />
  );
}
