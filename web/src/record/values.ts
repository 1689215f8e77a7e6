/** What stands in a form, read into the fact that it records. */

import type { FundEventBody } from '../../generated/operations';
import type { Refusal } from '../parts/Field';
import type { FactSpec, FieldSpec } from './forms';
import { dayIn, decimalIn, moneyIn, percentIn, type Reading } from './reading';

/** Texts by the field’s name; periods’ as `periods.0.start`. */
export type Values = Readonly<Record<string, string>>;

export const PERIOD_FIELDS = ['start', 'end', 'projectedValue'] as const;

/** How many periods the form has. */
export function periodCount(values: Values): number {
  return Math.max(1, Number(values['periods'] ?? '1'));
}

/** The fact’s body, or what is wrong with which field. */
export function bodyOf(form: FactSpec, values: Values): { body: FundEventBody } | { refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const fields: Record<string, unknown> = { ...form.fixed };
  for (const field of form.fields) {
    if (field.kind === 'periods') {
      fields[field.name] = periodsOf(values, refusals);
      continue;
    }
    const read = valueOf(field, values[field.name]?.trim() ?? '');
    if (read === null) {
      continue;
    }
    if ('wrong' in read) {
      refusals.push({ code: 'INVALID', message: read.wrong, path: [field.name] });
    } else {
      fields[field.name] = read.value;
    }
  }
  // The names were checked where the forms are written.
  return refusals.length > 0 ? { refusals } : { body: { [form.body]: fields } as unknown as FundEventBody };
}

/** Null where an optional field is empty. */
function valueOf(field: FieldSpec, text: string): Reading<string | number | boolean> | null {
  if (field.kind === 'flag') {
    return { value: text === 'true' };
  }
  if (text === '') {
    return field.optional === true ? null : { wrong: `${field.label} is needed.` };
  }
  switch (field.kind) {
    case 'money':
      return moneyIn(text);
    case 'share':
      return percentIn(text);
    case 'figure':
      return decimalIn(text);
    case 'day':
      return dayIn(text);
    case 'report':
      return { value: Number(text) };
    case 'text':
    case 'choice':
    case 'active':
    case 'company':
    case 'metric':
    case 'periods':
      return { value: text };
  }
}

function periodsOf(values: Values, refusals: Refusal[]): Record<string, string>[] {
  return Array.from({ length: periodCount(values) }, (_, place) =>
    Object.fromEntries(
      PERIOD_FIELDS.map((name) => {
        const text = values[`periods.${place}.${name}`]?.trim() ?? '';
        const read = name === 'projectedValue' ? decimalIn(text) : dayIn(text);
        if ('wrong' in read) {
          refusals.push({ code: 'INVALID', message: read.wrong, path: ['periods', String(place), name] });
          return [name, ''];
        }
        return [name, read.value];
      }),
    ),
  );
}
