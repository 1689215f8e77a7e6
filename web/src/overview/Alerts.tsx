/** Alerts that wait for somebody, the worst first. */

import type { ReactNode } from 'react';

import type { GlanceQuery } from '../../generated/operations';
import { SEVERITIES, SEVERITY, STATUS } from '../alerts/Severity';
import { useFund } from '../fund/fund';
import { dayOf, dayText } from '../moment/instant';
import { Empty } from '../parts/Section';
import styles from './Alerts.module.css';

type State = NonNullable<GlanceQuery['fund']>;
export type Alert = State['varianceAlerts'][number];

const MOST = 5;

export function Alerts({ alerts }: { alerts: readonly Alert[] }): ReactNode {
  const { timeZone } = useFund();
  if (alerts.length === 0) {
    return <Empty>No alert stands open at this moment.</Empty>;
  }
  const counts = SEVERITIES.map((severity) => ({ severity, count: alerts.filter((alert) => alert.severity === severity).length }));
  const worst = alerts.toSorted(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || b.createdAt.localeCompare(a.createdAt),
  );
  return (
    <>
      <ul className={styles.counts}>
        {counts
          .filter(({ count }) => count > 0)
          .map(({ severity, count }) => (
            <li key={severity} data-severity={severity}>
              <strong className="figure">{count}</strong> {SEVERITY[severity].toLowerCase()}
            </li>
          ))}
      </ul>
      <ul className={styles.list}>
        {worst.slice(0, MOST).map((alert) => (
          <li key={alert.id} data-severity={alert.severity}>
            <p className={styles.why}>
              <strong className={styles.severity}>{SEVERITY[alert.severity].toLowerCase()}</strong> {alert.why}
            </p>
            <p className="soft">
              Since {dayText(dayOf(alert.createdAt, timeZone))}
              {alert.status !== 'OPEN' && `, ${STATUS[alert.status].toLowerCase()}`}
            </p>
          </li>
        ))}
      </ul>
      {alerts.length > MOST && <p className="soft">And {alerts.length - MOST} more.</p>}
    </>
  );
}
