/** Pasted rows read into facts, with everything that is wrong with each of them. */

import type { FundEventBody, FundEventInput } from '../../generated/operations';
import { startOfDay } from '../moment/instant';
import type { Refusal } from '../parts/Field';
import { cellIn, COLUMNS, columnOf, TYPES, type ColumnName } from './columns';
import { rowsIn, type PastedRow } from './pasted';
import { dayIn } from './reading';

/** Facts that one request may hold. */
export const MOST_ROWS = 1_000;

export interface BadRow {
  line: number;
  column: ColumnName | null;
  /** What stands there. */
  text: string;
  reason: string;
}

export interface ReadRow {
  line: number;
  cells: Readonly<Partial<Record<ColumnName, string>>>;
  /** Null where it has something wrong. */
  fact: FundEventInput | null;
}

export interface ReadTable {
  rows: readonly ReadRow[];
  bad: readonly BadRow[];
}

/** Reads a pasted table; or says why it is none. */
export function tableIn(text: string, zone: string): ReadTable | { wrong: string } {
  const pasted = rowsIn(text);
  if ('wrong' in pasted) {
    return pasted;
  }
  const [header, ...rest] = pasted.rows;
  if (header === undefined || rest.length === 0) {
    return { wrong: 'Paste a header and at least one row.' };
  }
  const names = header.fields.map((name) => name.toLowerCase().replaceAll(/\s+/g, '_'));
  const missing = ['occurred_on', 'type'].filter((name) => !names.includes(name));
  if (missing.length > 0) {
    return { wrong: `The header lacks the column ${missing.join(' and ')}.` };
  }
  const repeated = names.find((name, place) => name !== '' && names.indexOf(name) !== place);
  if (repeated !== undefined) {
    return { wrong: `The header repeats the column ${repeated}.` };
  }
  if (rest.length > MOST_ROWS) {
    return {
      wrong:
        `At most ${MOST_ROWS.toLocaleString('en')} rows are recorded at once, all or none; these are ${rest.length.toLocaleString('en')}. ` +
        'Paste them in parts, or have whoever runs Drypowder use “drypowder import”, which takes any number.',
    };
  }
  const bad: BadRow[] = [];
  return { rows: rest.map((row) => rowIn(row, names, zone, bad)), bad };
}

function rowIn(row: PastedRow, names: readonly string[], zone: string, bad: BadRow[]): ReadRow {
  const { line, fields } = row;
  const cells: Partial<Record<ColumnName, string>> = {};
  for (const [place, name] of names.entries()) {
    const column = COLUMNS.find((one) => one === name);
    const text = fields[place] ?? '';
    if (column !== undefined && text !== '') {
      cells[column] = text;
    }
  }
  const wrong = (column: ColumnName | null, reason: string): void => {
    bad.push({ line, column, text: column === null ? '' : (cells[column] ?? ''), reason });
  };
  const before = bad.length;
  if (fields.length > names.length) {
    wrong(null, 'The row has more columns than the header.');
  }
  const day = dayIn(cells.occurred_on ?? '');
  if ('wrong' in day) {
    wrong('occurred_on', day.wrong);
  }
  const type = cells.type ?? '';
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (known === undefined) {
    wrong('type', `Write one of ${Object.keys(TYPES).join(', ')}.`);
    return { line, cells, fact: null };
  }
  const body: Record<string, string | boolean> = {};
  for (const { column, field, needed } of known.uses) {
    const text = cells[column];
    if (text === undefined) {
      if (needed === true) {
        wrong(column, `${type} needs it.`);
      }
      continue;
    }
    const read = cellIn(field, column, text);
    if ('wrong' in read) {
      wrong(column, read.wrong);
    } else {
      body[field] = read.value;
    }
  }
  if (known.flag !== undefined) {
    const { field, yes, no } = known.flag;
    const note = cells.note ?? no ?? '';
    if (note !== yes && note !== (no ?? '')) {
      wrong('note', `Write ${[no, yes].filter((word) => word !== undefined).join(' or ')}, or nothing.`);
    }
    body[field] = note === yes;
  }
  if (bad.length > before || 'wrong' in day) {
    return { line, cells, fact: null };
  }
  // The fields are those that the type’s input has.
  const event = { [known.body]: body } as unknown as FundEventBody;
  return { line, cells, fact: { event, occurredAt: startOfDay(day.value, zone) } };
}

/** Rows that a check by the server can judge: without those about companies that only a bad row would add. */
export function judgeable(rows: readonly ReadRow[]): readonly (ReadRow & { fact: FundEventInput })[] {
  const unsure = new Set(rows.filter(({ fact, cells }) => fact === null && cells.type === 'COMPANY_ADDED').map(({ cells }) => cells.company_id));
  return rows.filter(
    (row): row is ReadRow & { fact: FundEventInput } =>
      row.fact !== null && (row.cells.company_id === undefined || !unsure.has(row.cells.company_id)),
  );
}

/** The server’s refusals, told by row. */
export function badRowsOf(refusals: readonly Refusal[], rows: readonly ReadRow[]): BadRow[] {
  return refusals.map(({ path, message }) => {
    const [head, place, field] = path ?? [];
    const row = head === 'events' && place !== undefined ? rows[Number(place)] : undefined;
    if (row === undefined) {
      return { line: 0, column: null, text: '', reason: message };
    }
    const column = columnOf(row.cells.type ?? '', field);
    return { line: row.line, column, text: column === null ? '' : (row.cells[column] ?? ''), reason: message };
  });
}
