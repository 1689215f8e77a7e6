/** The choice of the moment that figures are compared with. */

import { useId, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { dayOf, isDay } from './instant';
import { useMoment } from './moment';
import { useComparison, yearBefore } from './compare';
import styles from './ComparedWith.module.css';

/** A day, and the two that are asked for most. */
export function ComparedWith(): ReactNode {
  const { openedAt, timeZone } = useFund();
  const { day: here, compare, go } = useMoment();
  const { day } = useComparison();
  const year = yearBefore(here);
  const id = useId();
  return (
    <div className={styles.choice}>
      <label htmlFor={id}>Compared with</label>
      <input
        id={id}
        type="date"
        min={dayOf(openedAt, timeZone)}
        value={day}
        onChange={(event) => {
          if (isDay(event.target.value)) {
            go({ compare: event.target.value });
          }
        }}
      />
      <button
        type="button"
        aria-pressed={compare === null}
        onClick={() => {
          go({ compare: undefined });
        }}
      >
        Last quarter end
      </button>
      <button
        type="button"
        aria-pressed={compare !== null && day === year}
        onClick={() => {
          go({ compare: year });
        }}
      >
        A year before
      </button>
    </div>
  );
}
