/** Variances and alerts summed up, a row for each company, metric or period. */

import { useMemo, type ReactNode } from 'react';

import { CompaniesAtDocument, type ComparedFragment, type MetricType, type VarianceGroupsQuery } from '../../generated/operations';
import { metricTitle } from '../alerts/metrics';
import { periodOf, periodText } from '../alerts/period';
import { SEVERITIES, SEVERITY } from '../alerts/Severity';
import { useFund } from '../fund/fund';
import { useAnswerAt } from '../moment/answerAt';
import { Figure, Money, Percent } from '../parts/Figure';
import { Table, type Column } from '../parts/Table';
import styles from './Figures.module.css';
import { outcomeOf } from './outcome';
import type { Group } from './search';

type Row = VarianceGroupsQuery['varianceSummary'][number];

const keyOf = ({ key }: Row): string => key;
const TITLES = { company: 'Company', metric: 'Metric', period: 'Period' };

export function Groups({ rows, group }: { rows: readonly Row[]; group: Group }): ReactNode {
  const { currency } = useFund();
  const { data } = useAnswerAt(CompaniesAtDocument, {}, { pause: group !== 'company' });
  const names = useMemo(
    () => new Map(data?.fund?.portfolioCompanies.map(({ companyId, name }) => [companyId, name])),
    [data],
  );
  const columns = useMemo(() => columnsOf(group, names, currency), [group, names, currency]);
  return (
    <Table
      key={group}
      caption={`Variances by ${group}`}
      quiet
      search={rows.length > 20}
      columns={columns}
      rows={rows}
      rowKey={keyOf}
      sort={group === 'period' ? { key: 'key', down: true } : { key: 'unfavourable', down: true }}
      empty="Nothing was reported or owed at this moment."
    />
  );
}

function columnsOf(group: Group, names: ReadonlyMap<string, string>, currency: string): readonly Column<Row>[] {
  const title = ({ key }: Row): string =>
    group === 'metric' ? metricTitle(key as MetricType) : group === 'period' ? periodText(periodOf(key)) : (names.get(key) ?? key);
  return [
    {
      key: 'key',
      title: TITLES[group],
      value: (row) => (group === 'period' ? row.key.split('/').toReversed().join(' ') : title(row)),
      show: title,
    },
    { key: 'figures', title: 'Figures', value: ({ figures }) => figures, numeric: true },
    {
      key: 'favourable',
      title: 'Better by',
      value: ({ favourable }) => favourable,
      show: ({ favourable }) => <Money amount={favourable} />,
      numeric: true,
    },
    {
      key: 'unfavourable',
      title: 'Worse by',
      value: ({ unfavourable }) => unfavourable,
      show: ({ unfavourable }) => <Money amount={unfavourable} />,
      numeric: true,
    },
    {
      key: 'onTime',
      title: 'On time',
      value: ({ onTimeShare }) => onTimeShare,
      show: ({ onTimeShare }) => <Percent of={onTimeShare} />,
      numeric: true,
    },
    { key: 'alerts', title: 'Alerts', value: alertsText },
    {
      key: 'worst',
      title: 'Worst figure',
      value: ({ worst }) => (worst === null ? null : `${withoutGroup(worst, group)} ${outcomeOf(worst, currency).sign}`),
      show: ({ worst }) =>
        worst === null ? (
          <Figure text={null} />
        ) : (
          <span className={styles.line}>
            {withoutGroup(worst, group)} <Figure text={outcomeOf(worst, currency).sign} />
          </span>
        ),
    },
  ];
}

/** What the row doesn’t say already. */
function withoutGroup(one: ComparedFragment, group: Group): string {
  const parts = { company: one.company.name, metric: metricTitle(one.metricType), period: periodText(one) };
  return Object.entries(parts)
    .filter(([key]) => key !== group)
    .map(([, text]) => text)
    .join(', ');
}

/** The worst first: 1 urgent, 2 warning. */
function alertsText({ bySeverity }: Row): string | null {
  const counts = SEVERITIES.flatMap((severity) => bySeverity.filter((one) => one.severity === severity));
  return counts.length === 0 ? null : counts.map(({ severity, count }) => `${count} ${SEVERITY[severity].toLowerCase()}`).join(', ');
}
