/** Severities, by a word and a shape as well as a colour. */

import type { ReactNode } from 'react';

import type { AlertSeverity, AlertStatus } from '../../generated/operations';
import styles from './Severity.module.css';

export const SEVERITIES: readonly AlertSeverity[] = ['URGENT', 'CRITICAL', 'WARNING', 'INFO'];

export const SEVERITY: Record<AlertSeverity, string> = { URGENT: 'Urgent', CRITICAL: 'Critical', WARNING: 'Warning', INFO: 'Info' };

export const STATUS: Record<AlertStatus, string> = {
  PENDING: 'Not often enough yet',
  OPEN: 'Open',
  ACKNOWLEDGED: 'Acknowledged',
  SNOOZED: 'Snoozed',
  SUPPRESSED: 'Rule paused',
  RESOLVED: 'Resolved',
};

const SHAPES: Record<AlertSeverity, string> = {
  URGENT: 'M5 1h6l4 4v6l-4 4H5l-4-4V5z',
  CRITICAL: 'M8 1l7 7-7 7-7-7z',
  WARNING: 'M8 1.5L15 14H1z',
  INFO: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z',
};

/** A severity as a sign with its word. */
export function Severity({ of }: { of: AlertSeverity }): ReactNode {
  return (
    <span className={styles.severity} data-severity={of}>
      <svg width="12" height="12" viewBox="0 0 16 16" aria-hidden="true" fill="currentColor">
        <path d={SHAPES[of]} />
      </svg>
      {SEVERITY[of]}
    </span>
  );
}
