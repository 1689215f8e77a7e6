/** The fund over its life: what it is worth, and what went in and out. */

import { useMemo, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { dayOf, dayText } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { useSeries } from '../moment/TimeBar';
import { Chart, type Line } from '../parts/Chart';
import { minus, moneyText, shortMoney } from '../parts/money';
import { Loading } from '../parts/Section';

type Series = NonNullable<ReturnType<typeof useSeries>>;
type Curve = Omit<Line, 'values' | 'text' | 'exact'> & { amounts: (series: Series) => readonly string[] };

const VALUE: readonly Curve[] = [
  { label: 'Net asset value', tone: 1, kind: 'area', amounts: ({ nav }) => nav },
  { label: 'Called', tone: 2, dash: [6, 4], amounts: ({ totalCalled }) => totalCalled },
  { label: 'Distributed', tone: 3, dash: [2, 3], amounts: ({ totalDistributed }) => totalDistributed },
];
const FLOWS: readonly Curve[] = [
  {
    label: 'Distributed − called',
    tone: 4,
    kind: 'area',
    amounts: (series) => series.totalDistributed.map((amount, place) => minus(amount, series.totalCalled[place] ?? '0')),
  },
  {
    label: 'Proceeds − invested',
    tone: 5,
    dash: [6, 4],
    amounts: (series) => series.totalProceeds.map((amount, place) => minus(amount, series.totalInvested[place] ?? '0')),
  },
];

/** Net asset value beside what was called and distributed. */
export function Value(): ReactNode {
  return <Curves title="Net asset value, called and distributed" curves={VALUE} />;
}

/** The J-curve: what investors got less what they paid, and the same between the fund and its companies. */
export function Flows(): ReactNode {
  return <Curves title="Cumulative net cash flow" curves={FLOWS} />;
}

function Curves({ title, curves }: { title: string; curves: readonly Curve[] }): ReactNode {
  const { currency, timeZone, openedAt } = useFund();
  const { at, go } = useMoment();
  const series = useSeries();
  const drawn = useMemo(() => {
    if (series === undefined) {
      return null;
    }
    const lines = curves.map(({ amounts, ...look }): Line => {
      const exact = amounts(series);
      const text = (place: number): string | null => {
        const amount = exact[place];
        return amount === undefined ? null : moneyText(amount, currency);
      };
      return { ...look, exact, values: exact.map(Number), text };
    });
    return { x: series.at.map((instant) => Date.parse(instant) / 1000), lines };
  }, [series, curves, currency]);
  if (drawn === null) {
    return <Loading />;
  }
  const last = drawn.x.length - 1;
  const summary = `From ${dayText(dayOf(openedAt, timeZone))} to now. Now: ${drawn.lines
    .map(({ label, text }) => `${label} ${text(last) ?? 'none'}`)
    .join(', ')}.`;
  return (
    <Chart
      title={title}
      summary={summary}
      x={drawn.x}
      xTitle="Day"
      xText={(seconds) => dayText(dayOf(seconds * 1000, timeZone))}
      lines={drawn.lines}
      axisText={(amount) => shortMoney(amount, currency)}
      time
      marked={at === null ? undefined : Date.parse(at) / 1000}
      onPick={(seconds) => {
        go({ at: dayOf(seconds * 1000, timeZone) });
      }}
    />
  );
}
