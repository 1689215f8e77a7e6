/** Figures against forecasts, a row each. */

import { useMemo, type ReactNode } from 'react';

import type { ComparedFragment } from '../../generated/operations';
import { figureText, metricTitle, variancePercentText } from '../alerts/metrics';
import { periodKey, periodText } from '../alerts/period';
import { useFund } from '../fund/fund';
import { Figure } from '../parts/Figure';
import { Table, type Column } from '../parts/Table';
import { FigureDetail } from './FigureDetail';
import styles from './FigureTable.module.css';
import { FLAG_WORDS, outcomeOf } from './outcome';

const detailOf = (figure: ComparedFragment): ReactNode => <FigureDetail figure={figure} />;
const keyOf = (one: ComparedFragment): string => `${one.company.companyId} ${one.metricType} ${periodKey(one)}`;

export function FigureTable({ figures }: { figures: readonly ComparedFragment[] }): ReactNode {
  const { currency } = useFund();
  const columns = useMemo(() => columnsIn(currency), [currency]);
  return (
    <Table
      caption="Figures against forecasts"
      quiet
      search
      columns={columns}
      rows={figures}
      rowKey={keyOf}
      sort={{ key: 'period', down: true }}
      detail={detailOf}
    />
  );
}

function columnsIn(currency: string): readonly Column<ComparedFragment>[] {
  const figure = (key: 'forecast' | 'actual' | 'variance', title: string): Column<ComparedFragment> => ({
    key,
    title,
    value: (one) => one[key],
    show: (one) => {
      const found = one[key];
      return <Figure text={found === null ? null : figureText(one.metricType, found, currency, { signed: key === 'variance' })} />;
    },
    numeric: true,
  });
  return [
    { key: 'company', title: 'Company', value: ({ company }) => company.name },
    { key: 'metric', title: 'Metric', value: ({ metricType }) => metricTitle(metricType) },
    { key: 'period', title: 'Period', value: ({ periodEnd, periodStart }) => `${periodEnd} ${periodStart}`, show: periodText },
    figure('forecast', 'Forecast'),
    figure('actual', 'Actual'),
    figure('variance', 'Difference'),
    {
      key: 'percent',
      title: 'In percent',
      value: ({ variancePercent }) => variancePercent,
      show: ({ variancePercent }) => <Figure text={variancePercent === null ? null : variancePercentText(variancePercent)} />,
      numeric: true,
    },
    {
      key: 'outcome',
      title: 'Came out',
      value: (one) => outcomeOf(one, currency).word,
      show: (one) => {
        const { tone, word } = outcomeOf(one, currency);
        return (
          <span className={styles.outcome} data-tone={tone}>
            {tone === 'good' || tone === 'bad' ? <span aria-hidden="true">{tone === 'good' ? '✓ ' : '✗ '}</span> : null}
            {word}
          </span>
        );
      },
    },
    {
      key: 'forecastVersion',
      title: 'Forecast version',
      value: ({ forecastVersion }) => forecastVersion,
      show: ({ forecastVersion }) => <Figure text={forecastVersion === null ? null : String(forecastVersion)} />,
      numeric: true,
    },
    {
      key: 'notes',
      title: 'Notes',
      value: ({ flags }) => flags.map((flag) => FLAG_WORDS[flag] ?? flag).join(', '),
    },
  ];
}
