/** Totals over the fund’s life, as known at the moment. */

import { useCallback, useMemo, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { dayOf, dayText } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { useSeries } from '../moment/TimeBar';
import { Chart, type Line } from '../parts/Chart';
import { moneyText, shortMoney } from '../parts/money';
import { Loading, Section } from '../parts/Section';

const LINES = [
  { name: 'totalValue', label: 'Fair value', tone: 1, kind: 'area' },
  { name: 'totalCalled', label: 'Called', tone: 2, dash: [8, 4] },
  { name: 'totalInvested', label: 'Invested', tone: 3, dash: [2, 3] },
  { name: 'totalProceeds', label: 'Proceeds', tone: 4, dash: [10, 3, 2, 3] },
  { name: 'totalDistributed', label: 'Distributed', tone: 5, dash: [5, 5] },
  { name: 'plannedReserves', label: 'Planned reserves', tone: 6, dash: [1, 4] },
] as const;

/** The chart; a click goes to the end of that day. */
export function Totals(): ReactNode {
  const { currency, timeZone } = useFund();
  const { at, go } = useMoment();
  const series = useSeries();

  const x = useMemo(() => (series?.at ?? []).map((instant) => Date.parse(instant) / 1000), [series]);
  const lines = useMemo(
    () =>
      series === undefined
        ? []
        : LINES.map(({ name, ...look }): Line => {
            const amounts = series[name];
            return {
              ...look,
              values: amounts.map(Number),
              exact: amounts,
              text: (index) => {
                const amount = amounts[index];
                return amount === undefined ? null : moneyText(amount, currency);
              },
            };
          }),
    [series, currency],
  );
  const xText = useCallback((seconds: number) => dayText(dayOf(seconds * 1000, timeZone)), [timeZone]);
  const axisText = useCallback((amount: number) => shortMoney(amount, currency), [currency]);

  const first = series?.at[0];
  const last = series?.at.at(-1);
  if (series === undefined || first === undefined || last === undefined) {
    return (
      <Section title="Totals over time">
        <Loading />
      </Section>
    );
  }
  const told = LINES.map(({ name, label }) => `${label} ${shortMoney(series[name].at(-1) ?? '0', currency)}`).join(', ');
  return (
    <Section title="Totals over time">
      <Chart
        title="Totals"
        summary={`From ${xText(Date.parse(first) / 1000)} to ${xText(Date.parse(last) / 1000)}. In the end: ${told}.`}
        x={x}
        xTitle="Day"
        xText={xText}
        lines={lines}
        axisText={axisText}
        time
        height={260}
        marked={Date.parse(at ?? last) / 1000}
        onPick={(seconds) => {
          go({ at: dayOf(seconds * 1000, timeZone) });
        }}
      />
    </Section>
  );
}
