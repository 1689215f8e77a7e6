/** The time machine: totals over time, holdings at the moment, what changed, and every fact behind it. */

import type { ReactNode } from 'react';

import { Changed } from './Changed';
import { Corrections } from './Corrections';
import { Holdings } from './Holdings';
import { Snapshots } from './Snapshots';
import styles from './Time.module.css';
import { Timeline } from './Timeline';
import { Totals } from './Totals';

export function Time(): ReactNode {
  return (
    <div className={styles.parts}>
      <Totals />
      <Holdings />
      <Changed />
      <Timeline />
      <Corrections />
      <Snapshots />
    </div>
  );
}
