/** The periods of a forecast, a line each. */

import type { ReactNode } from 'react';

import { addDays, daysBetween, isDay } from '../moment/instant';
import { Field } from '../parts/Field';
import type { ControlProps } from './FactControl';
import styles from './FactForm.module.css';
import { PERIOD_FIELDS, periodCount, type Values } from './values';

const TITLES = { start: 'from', end: 'to', projectedValue: 'expected' } as const;

/** From, to and the figure expected; one more begins where the last one ends, and is as long. */
export function Periods({ field, values, onChange }: ControlProps): ReactNode {
  const count = periodCount(values);
  return (
    <fieldset className={styles.periods}>
      <legend>{field.label}</legend>
      {Array.from({ length: count }, (_, place) => (
        // Lines are added and taken away at the end alone.
        <div key={place} className={styles.period}>
          {PERIOD_FIELDS.map((name) => {
            const path = `periods.${place}.${name}`;
            return (
              <Field key={name} label={`Period ${place + 1} ${TITLES[name]}`} path={path}>
                {(control) => (
                  <input
                    {...control}
                    type={name === 'projectedValue' ? 'text' : 'date'}
                    inputMode={name === 'projectedValue' ? 'decimal' : undefined}
                    className={name === 'projectedValue' ? styles.number : undefined}
                    value={values[path] ?? ''}
                    onChange={(event) => {
                      onChange({ [path]: event.target.value });
                    }}
                  />
                )}
              </Field>
            );
          })}
        </div>
      ))}
      <div className={styles.buttons}>
        <button
          type="button"
          onClick={() => {
            onChange({ ...next(values, count), periods: String(count + 1) });
          }}
        >
          Add a period
        </button>
        <button
          type="button"
          disabled={count === 1}
          onClick={() => {
            const gone = PERIOD_FIELDS.map((name) => [`periods.${count - 1}.${name}`, '']);
            onChange({ ...Object.fromEntries(gone), periods: String(count - 1) });
          }}
        >
          Take the last away
        </button>
      </div>
    </fieldset>
  );
}

/** The days of the period after the last. */
function next(values: Values, count: number): Values {
  const [start, end] = [values[`periods.${count - 1}.start`] ?? '', values[`periods.${count - 1}.end`] ?? ''];
  if (!isDay(start) || !isDay(end)) {
    return {};
  }
  const begins = addDays(end, 1);
  return { [`periods.${count}.start`]: begins, [`periods.${count}.end`]: endLike(start, end, begins) };
}

/** As many whole months as the model has, or as many days. */
function endLike(start: string, end: string, begins: string): string {
  if (!start.endsWith('-01') || !begins.endsWith('-01')) {
    return addDays(begins, daysBetween(start, end));
  }
  const months = monthOf(begins) - monthOf(start);
  const after = monthOf(begins) + months;
  return addDays(`${Math.floor(after / 12)}-${String((after % 12) + 1).padStart(2, '0')}-01`, -1);
}

function monthOf(day: string): number {
  return Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1;
}
