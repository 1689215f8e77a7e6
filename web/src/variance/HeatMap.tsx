/** Figures as a table of shades, signs and words: where the fund is ahead of its plans, and where behind. */

import { useMemo, useState, type KeyboardEvent, type ReactNode } from 'react';

import type { ComparedFragment } from '../../generated/operations';
import { METRIC_TYPES, metricTitle } from '../alerts/metrics';
import { comparePeriods, periodKey, periodText } from '../alerts/period';
import { useFund } from '../fund/fund';
import { Dialog } from '../parts/Dialog';
import { FigureDetail, figureTitle } from './FigureDetail';
import { useVarianceSearch } from './choose';
import styles from './HeatMap.module.css';
import { outcomeOf } from './outcome';

interface Axis {
  title: string;
  of: (figure: ComparedFragment) => string;
  name: (figure: ComparedFragment) => string;
  compare: (a: Entry, b: Entry) => number;
}

interface Entry {
  key: string;
  title: string;
}

const AXES = {
  company: {
    title: 'Company',
    of: ({ company }) => company.companyId,
    name: ({ company }) => company.name,
    compare: (a, b) => a.title.localeCompare(b.title, 'en'),
  },
  metric: {
    title: 'Metric',
    of: ({ metricType }) => metricType,
    name: ({ metricType }) => metricTitle(metricType),
    compare: (a, b) => METRIC_TYPES.findIndex((one) => one === a.key) - METRIC_TYPES.findIndex((one) => one === b.key),
  },
  period: {
    title: 'Period',
    of: periodKey,
    name: periodText,
    compare: (a, b) => comparePeriods(a.key, b.key),
  },
} as const satisfies Record<string, Axis>;

const STEPS: Partial<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Each cell opens its figure. The table is one stop of the Tab key; the arrow keys go from cell to cell. */
export function HeatMap(props: {
  caption: string;
  figures: readonly ComparedFragment[];
  rows: keyof typeof AXES;
  columns: keyof typeof AXES;
}): ReactNode {
  const { caption, figures } = props;
  const [rows, columns]: [Axis, Axis] = [AXES[props.rows], AXES[props.columns]];
  // By its place, so that another moment shows the figure as it was then.
  const [openedAt, setOpenedAt] = useState<string | null>(null);
  const { company: marked } = useVarianceSearch();
  const { currency } = useFund();
  const cells = useMemo(() => new Map(figures.map((one) => [`${rows.of(one)} ${columns.of(one)}`, one])), [figures, rows, columns]);
  const opened = openedAt === null ? undefined : cells.get(openedAt);
  const shownRows = useMemo(() => entriesOf(rows, figures), [rows, figures]);
  const shownColumns = useMemo(() => entriesOf(columns, figures), [columns, figures]);
  const [stop, setStop] = useState('');
  const first = shownRows.flatMap((row) => shownColumns.map((column) => `${row.key} ${column.key}`)).find((key) => cells.has(key));
  const stopAt = cells.has(stop) ? stop : first;

  const onKeyDown = (event: KeyboardEvent<HTMLButtonElement>): void => {
    const step = STEPS[event.key];
    if (step === undefined) {
      return;
    }
    const button = event.currentTarget;
    event.preventDefault();
    let [row, column] = [Number(button.dataset['row']), Number(button.dataset['column'])];
    // Empty cells are skipped.
    for (;;) {
      row += step[0];
      column += step[1];
      if (row < 0 || column < 0 || row >= shownRows.length || column >= shownColumns.length) {
        return;
      }
      const next = button.closest('table')?.querySelector<HTMLElement>(`button[data-row="${row}"][data-column="${column}"]`);
      if (next !== null && next !== undefined) {
        next.focus();
        return;
      }
    }
  };

  return (
    <div className={styles.scroll}>
      <table className={styles.map}>
        <caption className="spoken">{caption}. The arrow keys go from figure to figure.</caption>
        <thead>
          <tr>
            <th scope="col">{rows.title}</th>
            {shownColumns.map(({ key, title }) => (
              <th key={key} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shownRows.map((row, y) => (
            <tr key={row.key} data-marked={row.key === marked}>
              <th scope="row">{row.title}</th>
              {shownColumns.map((column, x) => {
                const key = `${row.key} ${column.key}`;
                const one = cells.get(key);
                if (one === undefined) {
                  return (
                    <td key={key}>
                      <span className="spoken">nothing</span>
                    </td>
                  );
                }
                const { tone, depth, sign, word } = outcomeOf(one, currency);
                return (
                  <td key={key}>
                    <button
                      type="button"
                      className={styles.cell}
                      data-tone={tone}
                      data-depth={depth}
                      data-row={y}
                      data-column={x}
                      tabIndex={key === stopAt ? 0 : -1}
                      onKeyDown={onKeyDown}
                      onFocus={() => {
                        setStop(key);
                      }}
                      onClick={() => {
                        setOpenedAt(key);
                      }}
                    >
                      {sign !== '' && <span className="figure">{sign}</span>} <span className={styles.word}>{word}</span>
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {opened !== undefined && (
        <Dialog
          title={figureTitle(opened)}
          onClose={() => {
            setOpenedAt(null);
          }}
        >
          <FigureDetail figure={opened} />
        </Dialog>
      )}
    </div>
  );
}

function entriesOf(axis: Axis, figures: readonly ComparedFragment[]): Entry[] {
  const titles = new Map(figures.map((one) => [axis.of(one), axis.name(one)]));
  return [...titles].map(([key, title]) => ({ key, title })).sort(axis.compare);
}
