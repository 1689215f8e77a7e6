/** What each strategy gives each company, side by side. */

import { useMemo, type ReactNode } from 'react';

import { Money, Multiple } from '../parts/Figure';
import { minus, signOf } from '../parts/money';
import { Table, type Column } from '../parts/Table';
import type { Plan, Run } from './run';
import { STRATEGY } from './words';

interface Given {
  companyId: string;
  name: string;
  multiple: number | null;
  planned: string | null;
  amounts: ReadonlyMap<string, string>;
}

/** Every company that is ranked or given something, in the order of the ranking. */
function givenOf({ recommendations, plans }: Run): Given[] {
  const amounts = new Map<string, Map<string, string>>();
  const names = new Map<string, string>();
  for (const { strategy, allocations } of plans) {
    for (const { companyId, companyName, amount } of allocations) {
      names.set(companyId, companyName);
      amounts.set(companyId, (amounts.get(companyId) ?? new Map<string, string>()).set(strategy, amount));
    }
  }
  const ranked = recommendations.map((one): Given => {
    const left = minus(one.currentReserveAllocation, one.deployedReserves);
    return {
      companyId: one.companyId,
      name: one.companyName,
      multiple: one.followOnMultiple,
      planned: signOf(left) < 0 ? '0.00' : left,
      amounts: amounts.get(one.companyId) ?? new Map(),
    };
  });
  const known = new Set(ranked.map(({ companyId }) => companyId));
  const others = [...names].filter(([companyId]) => !known.has(companyId));
  return [...ranked, ...others.map(([companyId, name]): Given => ({ companyId, name, multiple: null, planned: null, amounts: amounts.get(companyId) ?? new Map() }))];
}

export function Allocations({ run }: { run: Run }): ReactNode {
  const rows = useMemo(() => givenOf(run), [run]);
  const columns = useMemo(() => givenColumns(run.plans), [run.plans]);
  return (
    <Table
      caption="New money by company and strategy"
      search={rows.length > 20}
      columns={columns}
      rows={rows}
      rowKey={({ companyId }) => companyId}
    />
  );
}

function givenColumns(plans: readonly Plan[]): readonly Column<Given>[] {
  return [
    { key: 'company', title: 'Company', value: ({ name }) => name },
    {
      key: 'multiple',
      title: 'Follow-on multiple',
      numeric: true,
      value: ({ multiple }) => multiple,
      show: ({ multiple }) => <Multiple of={multiple} />,
    },
    {
      key: 'planned',
      title: 'Planned, not deployed',
      numeric: true,
      value: ({ planned }) => planned,
      show: ({ planned }) => <Money amount={planned} />,
    },
    ...plans.map(({ strategy }): Column<Given> => ({
      key: strategy,
      title: STRATEGY[strategy],
      numeric: true,
      value: ({ amounts }) => amounts.get(strategy) ?? '0.00',
      show: ({ amounts }) => <Money amount={amounts.get(strategy) ?? '0.00'} />,
    })),
  ];
}
