/** One alert of the inbox: what it is about, why, and what can be done with it. */

import { useId, useState, type ReactNode } from 'react';
import { useMutation } from 'urql';

import { MarkAlertReadDocument, type AlertItemFragment } from '../../generated/operations';
import { outcomeText, subjectText } from '../alerts/sentence';
import { Severity, STATUS } from '../alerts/Severity';
import { useFund } from '../fund/fund';
import { instantText } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { AlertDetail } from './AlertDetail';
import { AlertHandling } from './AlertHandling';
import styles from './AlertEntry.module.css';

export function AlertEntry({ alert, tell }: { alert: AlertItemFragment; tell: (what: string) => void }): ReactNode {
  const { currency, timeZone, mayWrite } = useFund();
  const { isNow } = useMoment();
  const [open, setOpen] = useState(false);
  const [marking, mark] = useMutation(MarkAlertReadDocument);
  const id = useId();
  const setRead = (read: boolean): void => {
    if (isNow && read !== alert.isRead) {
      void mark({ alert: alert.id, read });
    }
  };
  return (
    <li className={styles.entry} data-read={alert.isRead} data-alert={alert.id}>
      <div className={styles.head}>
        <Severity of={alert.severity} />
        <h4 className={styles.subject} id={id}>
          {!alert.isRead && (
            <>
              <span className={styles.dot} aria-hidden="true" />
              <span className="spoken">Unread: </span>
            </>
          )}
          {subjectText(alert)} <span className={styles.rule}>{alert.rule.name}</span>
        </h4>
        <span className={`figure ${styles.outcome}`}>{outcomeText(alert, currency)}</span>
        <span className={styles.status}>
          {STATUS[alert.status]}
          {alert.status === 'SNOOZED' && alert.snoozedUntil !== null && ` until ${instantText(alert.snoozedUntil, timeZone)}`}
          <span className="soft"> · {instantText(alert.updatedAt, timeZone)}</span>
        </span>
      </div>
      <p className={open ? styles.why : `${styles.why} ${styles.short}`}>{alert.why}</p>
      <div className={styles.actions} role="group" aria-labelledby={id}>
        <button
          type="button"
          aria-expanded={open}
          onClick={() => {
            setOpen(!open);
            if (!open) {
              setRead(true);
            }
          }}
        >
          {open ? 'Less' : 'More'}
        </button>
        {isNow && mayWrite && alert.status !== 'RESOLVED' && <AlertHandling alert={alert} tell={tell} />}
        {isNow && (
          <button
            type="button"
            className="plain"
            disabled={marking.fetching}
            onClick={() => {
              setRead(!alert.isRead);
            }}
          >
            {alert.isRead ? 'Mark unread' : 'Mark read'}
          </button>
        )}
      </div>
      {open && <AlertDetail alert={alert} />}
    </li>
  );
}
