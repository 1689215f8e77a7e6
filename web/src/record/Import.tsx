/** Facts pasted from a spreadsheet: every row is checked, on the page and by the server, before any is recorded. */

import { useId, useState, type ReactNode } from 'react';

import type { FundEventType } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { kindText } from '../fund/kinds';
import { Form } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { COLUMNS, TYPES } from './columns';
import styles from './Import.module.css';
import { Outcome } from './Outcome';
import { useRecorder } from './recorder';
import { badRowsOf, judgeable, MOST_ROWS, tableIn, type BadRow, type ReadRow, type ReadTable } from './rows';

const BAD_COLUMNS: readonly Column<BadRow>[] = [
  { key: 'line', title: 'Line', numeric: true, value: ({ line }) => (line === 0 ? null : line) },
  { key: 'column', title: 'Column', value: ({ column }) => column },
  { key: 'text', title: 'What stands there', value: ({ text }) => text },
  { key: 'reason', title: 'What is wrong', value: ({ reason }) => reason },
];

const ROW_COLUMNS: readonly Column<ReadRow>[] = [
  { key: 'line', title: 'Line', numeric: true, value: ({ line }) => line },
  ...COLUMNS.map(
    (name): Column<ReadRow> => ({
      key: name,
      title: name,
      numeric: ['amount', 'pre_money', 'round_size', 'ownership_after'].includes(name),
      // What will be recorded, not what was pasted.
      value: ({ cells, fact }) => sent(name, fact, cells.type) ?? cells[name] ?? null,
    }),
  ),
];

function sent(name: string, fact: ReadRow['fact'], type: string | undefined): string | null {
  const known = type === undefined ? undefined : TYPES[type];
  const field = known?.uses.find(({ column }) => column === name)?.field;
  if (known === undefined || field === undefined || fact === null) {
    return null;
  }
  const body = fact.event[known.body] as Readonly<Record<string, unknown>> | undefined;
  const value = body?.[field];
  return typeof value === 'string' ? value : null;
}

/** Letters that browsers take seconds to paste by themselves, a line at a time; so long a text has no undo. */
const LONG = 5_000;

/** The box, what is wrong with which row, and what will be recorded. */
export function Import(): ReactNode {
  const { timeZone } = useFund();
  const recorder = useRecorder();
  const [text, setText] = useState('');
  const [table, setTable] = useState<ReadTable | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [bad, setBad] = useState<readonly BadRow[]>([]);
  const id = useId();
  const { stage } = recorder;

  const change = (next: string): void => {
    setText(next);
    setTable(null);
    setWrong(null);
    setBad([]);
    recorder.reset();
  };
  const check = async (): Promise<void> => {
    setBad([]);
    const read = tableIn(text, timeZone);
    if ('wrong' in read) {
      setWrong(read.wrong);
      recorder.reset();
      return;
    }
    setTable(read);
    const rows = judgeable(read.rows);
    // With bad rows the rest is judged too, so that all there is to mend is told at once.
    const refusals = rows.length === 0 ? [] : await recorder.check(rows.map(({ fact }) => fact));
    const all = [...read.bad, ...badRowsOf(refusals, rows)].toSorted((a, b) => a.line - b.line);
    setBad(all);
    if (all.length > 0) {
      recorder.reset();
    }
  };
  const busy = stage.name === 'recording' || stage.name === 'checking';
  return (
    <Section title="Import from a spreadsheet">
      <Form refusals={[]} paths={[]} onSubmit={() => void check()}>
        <Columns zone={timeZone} />
        <div className={styles.paste}>
          <label htmlFor={id}>Rows, with their header</label>
          <textarea
            id={id}
            className={styles.box}
            rows={8}
            spellCheck={false}
            readOnly={busy || stage.name === 'recorded'}
            placeholder={'occurred_on\ttype\tcompany_id\tamount\n2026-06-30\tVALUATION_UPDATED\tacme\t42000000.00'}
            value={text}
            onPaste={(event) => {
              const pasted = event.clipboardData.getData('text/plain');
              const { selectionStart, selectionEnd, readOnly } = event.currentTarget;
              if (pasted.length > LONG && !readOnly) {
                event.preventDefault();
                change(text.slice(0, selectionStart) + pasted.replaceAll('\r\n', '\n') + text.slice(selectionEnd));
              }
            }}
            onChange={(event) => {
              change(event.target.value);
            }}
          />
        </div>
        {wrong !== null && <Notice tone="bad">{wrong}</Notice>}
        {bad.length > 0 && (
          <>
            <Notice tone="bad" title={`${lines(bad)}; nothing was recorded`}>
              Mend them in the box or in the spreadsheet, and check again.
            </Notice>
            <Table
              caption="Rows to mend"
              bounded
              columns={BAD_COLUMNS}
              rows={bad}
              rowKey={({ line, column, reason }) => `${line} ${column ?? ''} ${reason}`}
            />
          </>
        )}
        <Outcome
          recorder={recorder}
          checkText="Check the rows"
          recordText={table === null ? 'Record' : `Record ${counted(table.rows.length, 'fact')}`}
          ready={text.trim() !== ''}
        >
          {table !== null && bad.length === 0 && (
            <>
              <h3>Will be recorded, all or none: {counted(table.rows.length, 'fact')}</h3>
              <p>{byKind(table.rows)}</p>
              <div className={styles.preview}>
                <Table caption="Rows as they will be recorded" bounded columns={ROW_COLUMNS} rows={table.rows} rowKey={({ line }) => String(line)} />
              </div>
            </>
          )}
        </Outcome>
        {stage.name === 'recorded' && (
          <div>
            <button
              type="button"
              onClick={() => {
                change('');
              }}
            >
              Import more
            </button>
          </div>
        )}
      </Form>
    </Section>
  );
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

function lines(bad: readonly BadRow[]): string {
  const rows = new Set(bad.map(({ line }) => line)).size;
  return `${counted(rows, 'row')} can’t be recorded`;
}

function byKind(rows: readonly ReadRow[]): string {
  const counts = new Map<string, number>();
  for (const { cells } of rows) {
    const kind = cells.type ?? '';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count} × ${kindText(kind as FundEventType).toLowerCase()}`).join(', ');
}

function Columns({ zone }: { zone: string }): ReactNode {
  return (
    <details className={styles.columns}>
      <summary>Columns, and what goes into them</summary>
      <p>
        Paste cells from a spreadsheet, or a CSV file’s text. The columns are those of <code>drypowder import</code>, in any
        order; others are left out. All rows are recorded or none, up to {MOST_ROWS.toLocaleString('en')} at once.
      </p>
      <dl>
        <dt>occurred_on</dt>
        <dd>A day such as 2026-06-30, in the fund’s time zone ({zone}).</dd>
        <dt>type</dt>
        <dd>{Object.keys(TYPES).join(', ')}.</dd>
        <dt>company_id</dt>
        <dd>The company’s key, for all but calls, distributions and fees. With COMPANY_ADDED also company_name, and sector and stage as you like.</dd>
        <dt>amount</dt>
        <dd>Money; for VALUATION_UPDATED the whole company’s value, for RESERVE_ALLOCATED the new plan.</dd>
        <dt>pre_money, round_size</dt>
        <dd>Of a ROUND_PRICED, with its stage.</dd>
        <dt>ownership_after</dt>
        <dd>Of an INVESTMENT_MADE or ROUND_PRICED: a fraction such as 0.125, or 12.5%.</dd>
        <dt>note</dt>
        <dd>
          INVESTMENT_MADE: initial or reserves. COMPANY_STATUS_CHANGED: EXITED, WRITTEN_OFF or ACTIVE. DISTRIBUTION_MADE:
          recallable. Else what the fee or proceeds were for, or why.
        </dd>
      </dl>
    </details>
  );
}
