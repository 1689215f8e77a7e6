/** Alerts as they come: told quietly on whichever tab the reader is, and counted on the tab that shows them. */

import { Link } from '@tanstack/react-router';
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { AlertNoticesDocument, UnreadAlertsDocument, type AlertChange, type AlertHeadFragment, type AlertNoticesSubscription } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { useAnswer } from '../server/answer';
import { useFirstCame } from '../server/first';
import { useResumed } from '../server/resumed';
import styles from './live.module.css';
import { outcomeText, subjectText } from './sentence';
import { Severity } from './Severity';

/** What is told; what people do with alerts only moves the lists. */
const NEWS: Partial<Record<AlertChange, string>> = {
  OPENED: 'New alert',
  WORSENED: 'Alert got worse',
  REOPENED: 'Alert open again',
  REPEATED: 'Alert still open',
};
const MOST_SHOWN = 3;
/** Long enough to read it and reach it by keyboard; it stays in the list of alerts. */
const SHOWN_FOR = 20_000;

interface News {
  cursor: string;
  title: string;
  alert: AlertHeadFragment;
}

const UnreadContext = createContext<{ count: number; more: boolean }>({ count: 0, more: false });

/** Follows the fund’s alerts for everything inside. */
export function LiveAlerts({ children }: { children: ReactNode }): ReactNode {
  const { id: fund } = useFund();
  const [news, setNews] = useState<readonly News[]>([]);
  useResumed(AlertNoticesDocument, fund, { fund }, ({ varianceAlerts }: AlertNoticesSubscription) => {
    const { cursor, change, alert } = varianceAlerts;
    const title = NEWS[change];
    setNews((before) => {
      const others = before.filter((one) => one.alert.id !== alert.id);
      return title === undefined ? others : [{ cursor, title, alert }, ...others];
    });
  });
  const { data } = useAnswer(UnreadAlertsDocument, { fund }, { pause: !useFirstCame() });
  const unread = useMemo(
    () => ({ count: data?.varianceAlerts.nodes.length ?? 0, more: data?.varianceAlerts.pageInfo.hasNextPage ?? false }),
    [data],
  );
  const dismiss = useCallback((cursor?: string) => {
    setNews((before) => (cursor === undefined ? [] : before.filter((one) => one.cursor !== cursor)));
  }, []);
  return (
    <UnreadContext value={unread}>
      {children}
      <Toasts news={news} dismiss={dismiss} />
    </UnreadContext>
  );
}

/** How many open alerts the reader hasn’t read, as a badge; nothing where there are none. */
export function UnreadBadge(): ReactNode {
  const { count, more } = useContext(UnreadContext);
  return (
    count > 0 && (
      <span className={styles.badge}>
        {more ? `${count}+` : count}
        <span className="spoken"> unread alerts</span>
      </span>
    )
  );
}

function Toasts({ news, dismiss }: { news: readonly News[]; dismiss: (cursor?: string) => void }): ReactNode {
  const { currency } = useFund();
  const region = useRef<HTMLDivElement>(null);
  const newest = news[0]?.cursor;
  useEffect(() => {
    if (newest === undefined) {
      return;
    }
    const timer = setInterval(() => {
      // What is under the hand or has the focus stays.
      if (region.current?.matches(':hover, :focus-within') !== true) {
        dismiss();
      }
    }, SHOWN_FOR);
    return () => {
      clearInterval(timer);
    };
  }, [newest, dismiss]);
  return (
    <div ref={region} className={styles.toasts} role="status" aria-label="New alerts">
      {news.slice(0, MOST_SHOWN).map(({ cursor, title, alert }) => (
        <div key={cursor} className={styles.toast}>
          <p>
            <Severity of={alert.severity} /> <strong>{title}</strong>
          </p>
          <p>
            {subjectText(alert)}: <span className="figure">{outcomeText(alert, currency)}</span>
          </p>
          <p className={styles.actions}>
            <Link
              to="/funds/$fund/variance"
              from="/funds/$fund"
              search={{ view: 'alerts' }}
              onClick={() => {
                dismiss();
              }}
            >
              Show alerts
            </Link>
            <button
              type="button"
              className="plain"
              onClick={() => {
                dismiss(cursor);
              }}
            >
              Dismiss
            </button>
          </p>
        </div>
      ))}
      {news.length > MOST_SHOWN && <p className={styles.toast}>And {news.length - MOST_SHOWN} more.</p>}
    </div>
  );
}
