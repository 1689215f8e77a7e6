/** What changed between the moment on the page and another one. */

import { useId, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { addDays, dayOf, dayText, exactText, isDay, micros } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Empty, Section } from '../parts/Section';
import { Change } from './Change';
import styles from './Changed.module.css';

const BACK = [
  { title: 'A month before', days: 30 },
  { title: 'A quarter before', days: 91 },
  { title: 'A year before', days: 365 },
] as const;

/** The comparison with the moment that the address names, or that the reader chooses here. */
export function Changed(): ReactNode {
  const { timeZone, openedAt } = useFund();
  const { at, knownAt, compare, day, today, go } = useMoment();
  const id = useId();
  const first = dayOf(openedAt, timeZone);
  const chosen = compare === null ? '' : dayOf(compare, timeZone);
  const backwards = compare !== null && at !== null && micros(compare) > micros(at);
  const ends = backwards ? [at, compare] : [compare, at];
  const told = ends.map((instant) => (instant === null ? 'now' : momentText(instant, timeZone)));
  return (
    <Section title="What changed">
      <div className={styles.choice}>
        <label htmlFor={id}>Compared with the end of</label>
        <input
          id={id}
          type="date"
          min={first}
          max={today}
          value={chosen}
          onChange={(event) => {
            const { value } = event.target;
            if (value === '' || isDay(value)) {
              go({ compare: value === '' ? undefined : value });
            }
          }}
        />
        {BACK.map(({ title, days }) => {
          const back = addDays(day, -days);
          return (
            <button
              key={title}
              type="button"
              disabled={back < first}
              onClick={() => {
                go({ compare: back });
              }}
            >
              {title}
            </button>
          );
        })}
        <button
          type="button"
          disabled={compare === null}
          onClick={() => {
            go({ compare: undefined });
          }}
        >
          None
        </button>
      </div>
      {compare === null ? (
        <Empty>Choose a moment to compare with: totals, companies and the facts in between are shown side by side.</Empty>
      ) : (
        <>
          <p className={styles.span}>
            From <strong>{told[0]}</strong> to <strong>{told[1]}</strong>
            {knownAt === null ? '' : `, both as known at ${exactText(knownAt, timeZone)}`}.
          </p>
          <Change from={{ at: ends[0] ?? null, knownAt }} to={{ at: ends[1] ?? null, knownAt }} />
        </>
      )}
    </Section>
  );
}

/** A day where the instant is the last one of it. */
function momentText(instant: string, zone: string): string {
  const day = dayOf(instant, zone);
  return dayOf(Date.parse(instant) + 1, zone) === day ? exactText(instant, zone) : `the end of ${dayText(day)}`;
}
