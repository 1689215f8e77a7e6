/** Charts over time or any number: drawn on a canvas, told in words, and shown as a table on demand. */

import { useEffect, useId, useMemo, useRef, useState, type ReactNode } from 'react';
import type uPlot from 'uplot';

import styles from './Chart.module.css';
import { draw, type Drawing, type Line, type Marked } from './drawing';
import { download, fileName } from './save';
import { Table, type Column } from './Table';

export type { Line, Marked } from './drawing';

interface Props {
  title: string;
  /** What there is to see, in a sentence: for who doesn't see it. */
  summary: string;
  /** Where the points stand: seconds since 1970 where `time`, else any numbers, rising. */
  x: readonly number[];
  xTitle: string;
  xText: (x: number) => string;
  lines: readonly Line[];
  /** Figures at the axis, in short. */
  axisText: (y: number) => string;
  /** The same at the lower axis, where it isn’t time. */
  xAxisText?: (x: number) => string;
  time?: boolean;
  /** Where vertical lines are drawn: one, such as the moment on the page, or several with labels. */
  marked?: number | readonly Marked[] | undefined;
  /** Called with a point that the reader clicked. */
  onPick?: (x: number) => void;
  height?: number;
}

/** A chart: lines differ by dash as well as by colour; the readout follows the pointer; PNG and a table are a click away. */
export function Chart(props: Props): ReactNode {
  const { title, summary, x, xTitle, xText, lines, height = 220 } = props;
  const place = useRef<HTMLDivElement>(null);
  const drawing = useRef<Drawing | null>(null);
  const latest = useRef(props);
  const [under, setUnder] = useState<number | null>(null);
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  useEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    const element = place.current;
    if (element === null || asTable) {
      return;
    }
    const { time = false, axisText, xAxisText } = latest.current;
    const drawn = draw(element, {
      data: [x, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData,
      lines,
      height,
      time,
      axisText,
      xAxisText,
      marked: () => marksOf(latest.current.marked),
      onHover: setUnder,
      onPick: (point) => latest.current.onPick?.(point),
    });
    drawing.current = drawn;
    return () => {
      drawing.current = null;
      drawn.destroy();
    };
  }, [x, lines, height, asTable]);

  useEffect(() => {
    drawing.current?.redraw();
  }, [props.marked]);

  const rows = useMemo(() => x.map((at, index) => ({ at, index })), [x]);
  const columns = useMemo(
    (): Column<{ at: number; index: number }>[] => [
      { key: 'x', title: xTitle, value: ({ at }) => xText(at) },
      ...lines.map((line, order): Column<{ at: number; index: number }> => ({
        key: String(order),
        title: line.label,
        numeric: true,
        value: ({ index }) => line.exact?.[index] ?? line.values[index] ?? null,
        show: ({ index }) => line.text(index) ?? '–',
      })),
    ],
    [xTitle, xText, lines],
  );

  const at = under === null ? undefined : x[under];
  return (
    <figure className={styles.chart} aria-labelledby={id}>
      <div className={styles.head}>
        <figcaption id={id}>{title}</figcaption>
        <button
          type="button"
          className="plain"
          aria-pressed={asTable}
          aria-label={`${title} as a table`}
          onClick={() => {
            setAsTable(!asTable);
          }}
        >
          Table
        </button>
        <button
          type="button"
          className="plain"
          disabled={asTable}
          aria-label={`Download ${title} as PNG`}
          onClick={() => {
            void drawing.current?.png(title).then((image) => {
              download(fileName(title, 'png'), image);
            });
          }}
        >
          PNG
        </button>
      </div>
      {asTable ? (
        <div className={styles.table}>
          <Table caption={title} quiet columns={columns} rows={rows} rowKey={({ index }) => String(index)} />
        </div>
      ) : (
        <>
          <div ref={place} className={styles.place} role="img" aria-label={`${title}. ${summary}`} style={{ height }} />
          <ul className={styles.legend}>
            {lines.map((line) => (
              <li key={line.label} data-tone={line.tone}>
                <svg width="26" height="8" aria-hidden="true">
                  <line x1="1" x2="25" y1="4" y2="4" strokeDasharray={line.dash?.join(' ')} />
                </svg>
                {line.label}
                {under !== null && <span className="figure"> {line.text(under) ?? '–'}</span>}
              </li>
            ))}
            <li className={styles.at}>{at === undefined ? '' : xText(at)}</li>
          </ul>
        </>
      )}
    </figure>
  );
}

function marksOf(marked: Props['marked']): readonly Marked[] {
  return marked === undefined ? [] : typeof marked === 'number' ? [{ x: marked }] : marked;
}
