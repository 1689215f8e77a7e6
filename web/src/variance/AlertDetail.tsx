/** More about an alert: its figure, its rule, and who was told by which way. */

import type { ReactNode } from 'react';

import { AlertDeliveriesDocument, type AlertItemFragment, type DeliveryChannel, type DeliveryStatus } from '../../generated/operations';
import { figureText } from '../alerts/metrics';
import { SEVERITY } from '../alerts/Severity';
import { useFund } from '../fund/fund';
import { instantText } from '../moment/instant';
import { Figure } from '../parts/Figure';
import { Answered } from '../parts/Section';
import { useAnswer } from '../server/answer';
import styles from './AlertEntry.module.css';
import { FLAGS } from './outcome';

export const CHANNEL: Record<DeliveryChannel, string> = { IN_APP: 'In the app', EMAIL: 'E-mail', SLACK: 'Slack', WEBHOOK: 'Webhook' };
const DELIVERY: Record<DeliveryStatus, string> = { PENDING: 'on its way', DELIVERED: 'delivered', FAILED: 'failed' };

export function AlertDetail({ alert }: { alert: AlertItemFragment }): ReactNode {
  const { currency, timeZone } = useFund();
  const { details, metricType } = alert;
  const answer = useAnswer(AlertDeliveriesDocument, { alert: alert.id });
  const figure = (value: string | null, none: string): ReactNode => (
    <Figure text={value === null ? null : figureText(metricType, value, currency)} none={none} />
  );
  return (
    <div className={styles.detail}>
      <dl>
        <dt>Forecast</dt>
        <dd>
          {figure(details.forecast, 'none')}
          {details.forecastVersion !== null && <span className="soft"> version {details.forecastVersion}</span>}
        </dd>
        <dt>Actual</dt>
        <dd>
          {figure(details.actual, 'not reported')}
          {details.actualVersion !== null && <span className="soft"> version {details.actualVersion}</span>}
        </dd>
        <dt>Rule</dt>
        <dd>{alert.rule.name}</dd>
        <dt>Began</dt>
        <dd>
          {instantText(alert.createdAt, timeZone)}
          <span className="soft">
            {' '}
            · {alert.occurrences === 1 ? 'one breach' : `${alert.occurrences} breaches`}, {SEVERITY[alert.peakSeverity].toLowerCase()} at worst
          </span>
        </dd>
        {alert.resolvedAt !== null && (
          <>
            <dt>Over</dt>
            <dd>
              {instantText(alert.resolvedAt, timeZone)}
              {alert.resolution !== null && `: ${alert.resolution}`}
            </dd>
          </>
        )}
        {details.flags.length > 0 && (
          <>
            <dt>Particular</dt>
            <dd>{details.flags.map((flag) => FLAGS[flag] ?? flag).join(' ')}</dd>
          </>
        )}
      </dl>
      <Answered answer={answer}>
        {({ node }) =>
          node !== null && 'deliveries' in node ? (
            <div>
              <h5 className={styles.told}>Notices</h5>
              {node.deliveries.length === 0 ? (
                <p className="soft">None: nobody was told by a channel.</p>
              ) : (
                <ul className={styles.deliveries}>
                  {node.deliveries.map((one) => (
                    <li key={`${one.channel} ${one.revision}`}>
                      {CHANNEL[one.channel]}: {DELIVERY[one.status]}
                      {one.deliveredAt !== null && ` ${instantText(one.deliveredAt, timeZone)}`}
                      {one.attempts > 1 && `, ${one.attempts} tries`}
                      {one.lastError !== null && <span className="soft"> ({one.lastError})</span>}
                    </li>
                  ))}
                </ul>
              )}
            </div>
          ) : (
            <p className="soft">This alert is no longer there.</p>
          )
        }
      </Answered>
    </div>
  );
}
