/** The alert inbox: live as of now, and as it stood at any other moment. */

import { useCallback, useMemo, useRef, useState, type ReactNode } from 'react';

import { AlertsDocument, AlertsThenDocument, type AlertFilter, type AlertItemFragment } from '../../generated/operations';
import { STATUS, SEVERITIES, SEVERITY } from '../alerts/Severity';
import { useFund } from '../fund/fund';
import { NoSuchFund } from '../layout/states';
import { useAnswerAt } from '../moment/answerAt';
import { BackToNow } from '../moment/BackToNow';
import { useMoment } from '../moment/moment';
import { Notice } from '../parts/Notice';
import { Answered, Empty, Section } from '../parts/Section';
import { useAnswer } from '../server/answer';
import { AlertChoices } from './AlertChoices';
import { AlertEntry } from './AlertEntry';
import styles from './Alerts.module.css';
import { useVarianceSearch } from './choose';
import { STANDINGS, type Order, type Standing } from './search';

const A_PAGE = 50;

const NOTHING: Record<Standing, string> = {
  waiting: 'No alert waits for anybody. One comes as soon as a reported figure meets a rule, or an expected one is overdue.',
  handled: 'Nobody is on an alert. Acknowledged ones stand here until they are over.',
  quiet: 'No alert is snoozed, paused or short of the breaches its rule asks for.',
  over: 'No alert is over.',
  all: 'No alert. One comes as soon as a reported figure meets a rule, or an expected one is overdue.',
};

export function Alerts(): ReactNode {
  const { isNow } = useMoment();
  const { mayWrite } = useFund();
  const filter = useFilter();
  const { standing = 'waiting', order = 'severity' } = useVarianceSearch();
  return (
    <Section title={isNow ? 'Alerts' : 'Alerts as they stood'}>
      <AlertChoices />
      {!isNow && mayWrite && (
        <Notice title="Recording is done as of now.">
          These alerts stand as they stood at the moment chosen.
          <BackToNow />
        </Notice>
      )}
      {isNow ? (
        // Another filter begins with its first page.
        <AlertsNow key={JSON.stringify(filter)} filter={filter} standing={standing} order={order} />
      ) : (
        <AlertsThen filter={filter} standing={standing} order={order} />
      )}
    </Section>
  );
}

function useFilter(): AlertFilter {
  const { standing = 'waiting', severity, company, unread } = useVarianceSearch();
  return useMemo(() => {
    const { statuses } = STANDINGS[standing];
    return {
      ...(statuses === null ? {} : { statuses: [...statuses] }),
      ...(severity === undefined ? {} : { minSeverity: severity }),
      ...(company === undefined ? {} : { companyIds: [company] }),
      ...(unread === undefined ? {} : { unreadOnly: true }),
    };
  }, [standing, severity, company, unread]);
}

interface Listing {
  filter: AlertFilter;
  standing: Standing;
  order: Order;
}

function AlertsNow({ filter, standing, order }: Listing): ReactNode {
  const { id: fund } = useFund();
  // Where each page before this one began; the first begins nowhere.
  const [places, setPlaces] = useState<readonly string[]>([]);
  const after = places.at(-1) ?? null;
  const answer = useAnswer(AlertsDocument, { fund, filter, first: A_PAGE, after });
  return (
    <Answered answer={answer}>
      {({ varianceAlerts: { nodes, pageInfo } }) => (
        <>
          <Entries alerts={nodes} standing={standing} order={order} />
          {(after !== null || pageInfo.hasNextPage) && (
            <p className={styles.pages}>
              <button
                type="button"
                disabled={after === null}
                onClick={() => {
                  setPlaces(places.slice(0, -1));
                }}
              >
                Newer
              </button>
              <button
                type="button"
                disabled={!pageInfo.hasNextPage}
                onClick={() => {
                  setPlaces([...places, pageInfo.endCursor ?? '']);
                }}
              >
                Older
              </button>
            </p>
          )}
        </>
      )}
    </Answered>
  );
}

function AlertsThen({ filter, standing, order }: Listing): ReactNode {
  const answer = useAnswerAt(AlertsThenDocument, { filter });
  return (
    <Answered answer={answer}>
      {({ fund }) => (fund === null ? <NoSuchFund /> : <Entries alerts={fund.varianceAlerts} standing={standing} order={order} />)}
    </Answered>
  );
}

function Entries({ alerts, standing, order }: { alerts: readonly AlertItemFragment[]; standing: Standing; order: Order }): ReactNode {
  const [told, setTold] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const groups = useMemo(() => grouped(alerts, order), [alerts, order]);
  const tell = useCallback((what: string) => {
    setTold(what);
    // What was pressed goes away with its alert: the reader stays in the list.
    list.current?.focus();
  }, []);
  return (
    <div ref={list} tabIndex={-1} className={styles.list}>
      <p role="status" className={styles.told}>
        {told}
      </p>
      {alerts.length === 0 && <Empty>{NOTHING[standing]}</Empty>}
      {groups.map(([title, entries]) => (
        <section key={title} aria-label={title}>
          <h3 className={styles.group}>
            {title} <span className="soft">{entries.length}</span>
          </h3>
          <ul className={styles.entries}>
            {entries.map((alert) => (
              <AlertEntry key={alert.id} alert={alert} tell={tell} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

const rank = (alert: AlertItemFragment): number => SEVERITIES.indexOf(alert.severity);

/** In groups by what they are ordered by; within one, the worst first and then the newest. */
function grouped(alerts: readonly AlertItemFragment[], order: Order): [string, AlertItemFragment[]][] {
  const sorted = alerts.toSorted((a, b) => rank(a) - rank(b) || b.updatedAt.localeCompare(a.updatedAt));
  const groups = new Map<string, AlertItemFragment[]>();
  for (const alert of sorted) {
    const title = { severity: SEVERITY[alert.severity], company: alert.company.name, status: STATUS[alert.status] }[order];
    groups.set(title, [...(groups.get(title) ?? []), alert]);
  }
  const found = [...groups];
  return order === 'company' ? found.sort(([a], [b]) => a.localeCompare(b, 'en')) : found;
}
