/** Tables that sort, search, and leave as TSV or CSV. */

import { Fragment, memo, useDeferredValue, useId, useMemo, useState, type ReactNode } from 'react';

import { compareDecimals } from './money';
import { csv, download, fileName, tsv } from './save';
import styles from './Table.module.css';

export interface Column<Row> {
  key: string;
  title: string;
  /** What it sorts by, is searched for and exported as: exact decimals as strings. */
  value: (row: Row) => string | number | null;
  /** How it is shown, where not as its value. */
  show?: (row: Row) => ReactNode;
  /** Set right, in aligned digits, and sorted as a number. */
  numeric?: boolean;
  /** Names the row; the first column does where none says so. */
  heads?: boolean;
}

interface Sorting {
  key: string;
  down: boolean;
}

interface Props<Row> {
  /** What the table is of: its caption, and its file's name. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** How it is sorted at first; as given if left out. */
  sort?: Sorting;
  search?: boolean;
  /** More about a row, shown below it when it is opened. */
  detail?: (row: Row) => ReactNode;
  /** Hides the caption where a heading says the same. */
  quiet?: boolean;
  /** No taller than most of the window; its rows scroll below the headings. */
  bounded?: boolean;
  empty?: string;
}

/** A table: click a heading to sort, type to search, copy or download what is shown; `detail` makes rows open. */
export function Table<Row>(props: Props<Row>): ReactNode {
  const { caption, columns, rows, rowKey, search = false, detail, quiet = false, bounded = false } = props;
  const { empty = 'Nothing here.' } = props;
  const [sorting, setSorting] = useState<Sorting | null>(props.sort ?? null);
  const [sought, setSought] = useState('');
  const [told, setTold] = useState('');
  const needle = useDeferredValue(sought.trim().toLowerCase());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const searchId = useId();

  const shown = useMemo(() => arranged(rows, columns, sorting, needle), [rows, columns, sorting, needle]);
  const exported = (): string[][] => [
    columns.map(({ title }) => title),
    ...shown.map((row) => columns.map(({ value }) => String(value(row) ?? ''))),
  ];
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(tsv(exported()));
    setTold(`${shown.length} rows copied.`);
  };
  const toggle = (key: string): void => {
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(key)) {
        next.add(key);
      }
      return next;
    });
  };

  return (
    <div className={styles.whole}>
      <div className={styles.tools}>
        {search && (
          <>
            <label className="spoken" htmlFor={searchId}>
              Search {caption}
            </label>
            <input
              id={searchId}
              type="search"
              placeholder="Search"
              value={sought}
              onChange={(event) => {
                setSought(event.target.value);
              }}
            />
          </>
        )}
        <span className={styles.count} role="status">
          {told || (needle === '' ? '' : `${shown.length} of ${rows.length}`)}
        </span>
        <button type="button" className="plain" onClick={() => void copy()} aria-label={`Copy ${caption}`}>
          Copy
        </button>
        <button
          type="button"
          className="plain"
          aria-label={`Download ${caption} as CSV`}
          onClick={() => {
            download(fileName(caption, 'csv'), new Blob([csv(exported())], { type: 'text/csv;charset=utf-8' }));
          }}
        >
          CSV
        </button>
      </div>
      {/* Scrolled where it is too wide or too tall, so it must be reached by keyboard. */}
      <div className={`${styles.scroll} ${bounded ? styles.bounded : ''}`} tabIndex={0} role="group" aria-label={caption}>
        <table className={styles.table}>
          <caption className={quiet ? 'spoken' : styles.caption}>{caption}</caption>
          <thead>
            <tr>
              {detail !== undefined && (
                <th scope="col">
                  <span className="spoken">More</span>
                </th>
              )}
              {columns.map((column) => (
                <Heading key={column.key} column={column} sorting={sorting} onSort={setSorting} />
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => {
              const key = rowKey(row);
              return (
                <Fragment key={key}>
                  <Line
                    row={row}
                    columns={columns}
                    id={key}
                    open={detail === undefined ? null : open.has(key)}
                    onToggle={toggle}
                  />
                  {detail !== undefined && open.has(key) && (
                    <tr>
                      <td className={styles.detail} colSpan={columns.length + 1}>
                        {detail(row)}
                      </td>
                    </tr>
                  )}
                </Fragment>
              );
            })}
          </tbody>
        </table>
        {shown.length === 0 && <p className={styles.empty}>{rows.length === 0 ? empty : `Nothing matches “${sought}”.`}</p>}
      </div>
    </div>
  );
}

function arranged<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorting: Sorting | null,
  needle: string,
): readonly Row[] {
  const found =
    needle === ''
      ? rows
      : rows.filter((row) => columns.some(({ value }) => String(value(row) ?? '').toLowerCase().includes(needle)));
  const column = columns.find(({ key }) => key === sorting?.key);
  if (column === undefined || sorting === null) {
    return found;
  }
  const direction = sorting.down ? -1 : 1;
  return found.toSorted((a, b) => {
    const [left, right] = [column.value(a), column.value(b)];
    if (left === null || right === null) {
      // What has no figure comes last, whichever the direction.
      return Number(left === null) - Number(right === null);
    }
    return direction * compared(left, right, column.numeric === true);
  });
}

function compared(a: string | number, b: string | number, numeric: boolean): number {
  if (typeof a === 'number' && typeof b === 'number') {
    return a - b;
  }
  return numeric ? compareDecimals(String(a), String(b)) : String(a).localeCompare(String(b), 'en', { numeric: true });
}

interface HeadingProps<Row> {
  column: Column<Row>;
  sorting: Sorting | null;
  onSort: (sorting: Sorting) => void;
}

function Heading<Row>({ column, sorting, onSort }: HeadingProps<Row>): ReactNode {
  const sorted = sorting?.key === column.key ? (sorting.down ? 'descending' : 'ascending') : 'none';
  return (
    <th scope="col" aria-sort={sorted} className={column.numeric === true ? styles.numeric : undefined}>
      <button
        type="button"
        className={styles.sort}
        onClick={() => {
          // Figures are mostly looked at from the largest down.
          onSort({ key: column.key, down: sorted === 'none' ? column.numeric === true : sorted === 'ascending' });
        }}
      >
        {column.title}
        <span aria-hidden="true" className={styles.arrow}>
          {sorted === 'none' ? '' : sorted === 'ascending' ? '↑' : '↓'}
        </span>
      </button>
    </th>
  );
}

function headOf<Row>(columns: readonly Column<Row>[]): Column<Row> | undefined {
  return columns.find(({ heads }) => heads) ?? columns[0];
}

interface LineProps<Row> {
  row: Row;
  columns: readonly Column<Row>[];
  id: string;
  open: boolean | null;
  onToggle: (id: string) => void;
}

const Line = memo(function Line<Row>({ row, columns, id, open, onToggle }: LineProps<Row>): ReactNode {
  const head = headOf(columns);
  return (
    <tr className={styles.row}>
      {open !== null && (
        <td className={styles.opener}>
          <button
            type="button"
            className="plain"
            aria-expanded={open}
            aria-label={`More about ${String(head?.value(row) ?? 'this')}`}
            onClick={() => {
              onToggle(id);
            }}
          >
            <span aria-hidden="true">{open ? '−' : '+'}</span>
          </button>
        </td>
      )}
      {columns.map(({ key, value, show, numeric }) => {
        const content = show === undefined ? (value(row) ?? '–') : show(row);
        const look = numeric === true ? styles.numeric : undefined;
        return key === head?.key ? (
          <th key={key} scope="row" className={look}>
            {content}
          </th>
        ) : (
          <td key={key} className={look}>
            {content}
          </td>
        );
      })}
    </tr>
  );
}) as <Row>(props: LineProps<Row>) => ReactNode;
