/** What people do with an alert: acknowledge it, snooze it, or say why it is over. */

import { useState, type ReactNode } from 'react';
import { useMutation, type OperationResult } from 'urql';

import { AcknowledgeAlertDocument, ResolveAlertDocument, SnoozeAlertDocument, type AlertItemFragment } from '../../generated/operations';
import { subjectText } from '../alerts/sentence';
import { useFund } from '../fund/fund';
import { atLocal, addDays, dayText } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Dialog } from '../parts/Dialog';
import { Field, Form, type Refusal } from '../parts/Field';
import { faultOf } from '../server/fault';
import styles from './AlertEntry.module.css';

const LATER = [
  [1, 'Tomorrow'],
  [7, 'In a week'],
  [30, 'In a month'],
] as const;

/** What kept a change from being made, as a form shows it. */
export function refusalsOf(result: OperationResult, errors: readonly Refusal[] | undefined): readonly Refusal[] {
  if (result.error === undefined) {
    return errors ?? [];
  }
  const { title, advice } = faultOf(result.error);
  return [{ code: '', message: `${title}. ${advice}`, path: null }];
}

export function AlertHandling({ alert, tell }: { alert: AlertItemFragment; tell: (what: string) => void }): ReactNode {
  const [asking, setAsking] = useState<'snooze' | 'resolve' | null>(null);
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const [{ fetching }, acknowledge] = useMutation(AcknowledgeAlertDocument);
  const close = (): void => {
    setAsking(null);
  };
  const succeed = (what: string): void => {
    setAsking(null);
    tell(`${what}: ${subjectText(alert)}.`);
  };
  return (
    <>
      {alert.status === 'OPEN' && (
        <button
          type="button"
          disabled={fetching}
          onClick={() => {
            void acknowledge({ alert: alert.id }).then((result) => {
              const found = refusalsOf(result, result.data?.acknowledgeAlert.errors);
              setRefusals(found);
              if (found.length === 0) {
                succeed('Acknowledged');
              }
            });
          }}
        >
          Acknowledge
        </button>
      )}
      <button
        type="button"
        onClick={() => {
          setAsking('snooze');
        }}
      >
        Snooze …
      </button>
      <button
        type="button"
        onClick={() => {
          setAsking('resolve');
        }}
      >
        Resolve …
      </button>
      {refusals.length > 0 && (
        <span role="alert" className={styles.refused}>
          {refusals.map(({ message }) => message).join(' ')}
        </span>
      )}
      {asking === 'snooze' && <Snooze alert={alert} onClose={close} onDone={succeed} />}
      {asking === 'resolve' && <Resolve alert={alert} onClose={close} onDone={succeed} />}
    </>
  );
}

interface Asked {
  alert: AlertItemFragment;
  onClose: () => void;
  onDone: (what: string) => void;
}

function Snooze({ alert, onClose, onDone }: Asked): ReactNode {
  const { timeZone } = useFund();
  const { today } = useMoment();
  const [day, setDay] = useState(addDays(today, 7));
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const [{ fetching }, snooze] = useMutation(SnoozeAlertDocument);
  const submit = (): void => {
    // A day that isn't one: the server says what is wrong with it.
    const until = atLocal(`${day}T09:00:00`, timeZone) ?? '';
    void snooze({ alert: alert.id, until }).then((result) => {
      const found = refusalsOf(result, result.data?.snoozeAlert.errors);
      setRefusals(found);
      if (found.length === 0) {
        onDone(`Snoozed until ${dayText(day)}`);
      }
    });
  };
  return (
    <Dialog title="Snooze" onClose={onClose}>
      <Form refusals={refusals} paths={['until']} onSubmit={submit}>
        <p>{subjectText(alert)} stays quiet until then, unless it gets worse.</p>
        <div className={styles.later}>
          {LATER.map(([days, title]) => (
            <button
              key={days}
              type="button"
              aria-pressed={day === addDays(today, days)}
              onClick={() => {
                setDay(addDays(today, days));
              }}
            >
              {title}
            </button>
          ))}
        </div>
        <Field label="Until 09:00 on" path="until" hint={`Within a year, in the fund’s time zone (${timeZone}).`}>
          {(control) => (
            <input
              {...control}
              type="date"
              required
              value={day}
              onChange={({ target }) => {
                setDay(target.value);
              }}
            />
          )}
        </Field>
        <p>
          <button type="submit" className="primary" disabled={fetching}>
            Snooze
          </button>
        </p>
      </Form>
    </Dialog>
  );
}

function Resolve({ alert, onClose, onDone }: Asked): ReactNode {
  const [reason, setReason] = useState('');
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const [{ fetching }, resolve] = useMutation(ResolveAlertDocument);
  const submit = (): void => {
    void resolve({ alert: alert.id, reason }).then((result) => {
      const found = refusalsOf(result, result.data?.resolveAlert.errors);
      setRefusals(found);
      if (found.length === 0) {
        onDone('Resolved');
      }
    });
  };
  return (
    <Dialog title="Resolve" onClose={onClose}>
      <Form refusals={refusals} paths={['reason']} onSubmit={submit}>
        <p>{subjectText(alert)} is over. The next breach begins a new alert.</p>
        <Field label="Reason" path="reason" hint="It stays in the ledger, for colleagues and auditors.">
          {(control) => (
            <input
              {...control}
              value={reason}
              onChange={({ target }) => {
                setReason(target.value);
              }}
            />
          )}
        </Field>
        <p>
          <button type="submit" className="primary" disabled={fetching}>
            Resolve
          </button>
        </p>
      </Form>
    </Dialog>
  );
}
