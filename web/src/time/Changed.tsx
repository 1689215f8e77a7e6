/** What changed between the moment on the page and another one. */

import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { useComparison } from '../moment/compare';
import { ComparedWith } from '../moment/ComparedWith';
import { dayOf, dayText, exactText, micros } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Section } from '../parts/Section';
import { Change } from './Change';
import styles from './Changed.module.css';

/** The comparison with the moment that the address names; the earlier of the two comes first. */
export function Changed(): ReactNode {
  const { timeZone } = useFund();
  const { at, knownAt, moving } = useMoment();
  const { at: other } = useComparison();
  const backwards = at !== null && micros(other) > micros(at);
  const [from, to] = backwards ? [at, other] : [other, at];
  return (
    <Section title="What changed" tools={<ComparedWith />}>
      <p className={styles.span}>
        From <strong>{momentText(from, timeZone)}</strong> to <strong>{to === null ? 'now' : momentText(to, timeZone)}</strong>
        {knownAt === null ? '' : `, both as known at ${exactText(knownAt, timeZone)}`}.
      </p>
      {/* Too much to ask at each step of a drag. */}
      <Change from={{ at: from, knownAt }} to={{ at: to, knownAt }} pause={moving} />
    </Section>
  );
}

/** A day where the instant is the last one of it. */
function momentText(instant: string, zone: string): string {
  const day = dayOf(instant, zone);
  return dayOf(Date.parse(instant) + 1, zone) === day ? exactText(instant, zone) : `the end of ${dayText(day)}`;
}
