/** What the fund held at the moment. */

import { useDeferredValue, type ReactNode } from 'react';

import { HoldingsDocument, type CompanyStatus, type HoldingFragment } from '../../generated/operations';
import { useAnswerAt } from '../moment/answerAt';
import { NoSuchFund } from '../layout/states';
import { Money, Multiple, Percent } from '../parts/Figure';
import { Answered, Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';

const STATUS: Record<CompanyStatus, string> = { ACTIVE: 'active', EXITED: 'exited', WRITTEN_OFF: 'written off' };

export function statusText(status: CompanyStatus): string {
  return STATUS[status];
}

const COLUMNS: readonly Column<HoldingFragment>[] = [
  { key: 'name', title: 'Company', value: ({ name }) => name },
  { key: 'sector', title: 'Sector', value: ({ sector }) => sector },
  { key: 'stage', title: 'Stage', value: ({ stage }) => stage },
  { key: 'status', title: 'Status', value: ({ status }) => statusText(status) },
  { key: 'ownership', title: 'Ownership', numeric: true, value: ({ ownership }) => ownership, show: ({ ownership }) => <Percent of={ownership} digits={2} /> },
  money('invested', 'Invested', (one) => one.totalInvestment),
  money('fairValue', 'Fair value', (one) => one.fairValue),
  money('proceeds', 'Proceeds', (one) => one.realizedProceeds),
  { key: 'moic', title: 'MOIC', numeric: true, value: ({ moic }) => moic, show: ({ moic }) => <Multiple of={moic} /> },
  { key: 'irr', title: 'IRR', numeric: true, value: ({ irr }) => irr, show: ({ irr }) => <Percent of={irr} /> },
  money('planned', 'Planned reserves', (one) => one.plannedReserves),
  money('deployed', 'Deployed reserves', (one) => one.deployedReserves),
];

function money(key: string, title: string, amount: (one: HoldingFragment) => string): Column<HoldingFragment> {
  return { key, title, numeric: true, value: amount, show: (one) => <Money amount={amount(one)} /> };
}

/** The holdings, most valuable first until another column is chosen. */
export function Holdings(): ReactNode {
  const answer = useAnswerAt(HoldingsDocument, {});
  return (
    <Section title="Holdings">
      <Answered answer={answer}>
        {({ fund }) => (fund === null ? <NoSuchFund /> : <List holdings={fund.portfolioCompanies} />)}
      </Answered>
    </Section>
  );
}

function List({ holdings }: { holdings: readonly HoldingFragment[] }): ReactNode {
  // Hundreds of rows are drawn when there is time, so that the slider never waits for them.
  const rows = useDeferredValue(holdings);
  return (
    <div aria-busy={rows !== holdings}>
      <Table
        caption="Holdings"
        quiet
        bounded
        search
        columns={COLUMNS}
        rows={rows}
        rowKey={({ companyId }) => companyId}
        sort={{ key: 'fairValue', down: true }}
        empty="The fund held no company by then. Go to a later moment, or record that a company joined."
      />
    </div>
  );
}
