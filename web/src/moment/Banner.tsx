/** Says clearly that what is on the page isn’t now. */

import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { BackToNow } from './BackToNow';
import styles from './Banner.module.css';
import { dayText, exactText, instantText, isDay } from './instant';
import { useMoment } from './moment';

/** A strip below the time bar while the moment isn’t now; who listens hears of it once it has settled. */
export function Banner(): ReactNode {
  const { timeZone } = useFund();
  const { shownAt, knownAt, isNow } = useMoment();
  return (
    <div role="status" aria-live="polite" className={styles.place}>
      {!isNow && (
        <div className={styles.banner}>
          <p>
            <strong>Not now.</strong>{' '}
            {shownAt === undefined ? 'The fund today' : `The fund at ${isDay(shownAt) ? `the end of ${dayText(shownAt)}` : instantText(shownAt, timeZone)}`}
            , as known {knownAt === null ? 'now' : `at ${exactText(knownAt, timeZone)}`}.
          </p>
          <BackToNow />
        </div>
      )}
    </div>
  );
}
