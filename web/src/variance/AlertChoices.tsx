/** Which alerts are listed, and how they are grouped. */

import type { ReactNode } from 'react';

import { CompaniesAtDocument, type AlertSeverity } from '../../generated/operations';
import { SEVERITIES, SEVERITY } from '../alerts/Severity';
import { useAnswerAt } from '../moment/answerAt';
import styles from './Alerts.module.css';
import { Choice } from './Choice';
import { useChoose, useVarianceSearch } from './choose';
import { ORDERS, STANDINGS, type Order, type Standing } from './search';

const STANDING_CHOICES = (Object.keys(STANDINGS) as Standing[]).map((key) => [key, STANDINGS[key].title] as const);

export function AlertChoices(): ReactNode {
  const { standing = 'waiting', severity, company, unread, order = 'severity' } = useVarianceSearch();
  const choose = useChoose();
  const { data } = useAnswerAt(CompaniesAtDocument, {});
  const companies = data?.fund?.portfolioCompanies.toSorted((a, b) => a.name.localeCompare(b.name, 'en')) ?? [];
  return (
    <div className={styles.choices}>
      <Choice
        label="Status"
        choices={STANDING_CHOICES}
        chosen={standing}
        onChoose={(key) => {
          choose({ standing: key === 'waiting' ? undefined : key });
        }}
      />
      <label>
        Severity
        <select
          value={severity ?? ''}
          onChange={({ target }) => {
            choose({ severity: target.value === '' ? undefined : (target.value as AlertSeverity) });
          }}
        >
          <option value="">any</option>
          {SEVERITIES.slice(0, -1).map((one) => (
            <option key={one} value={one}>
              {SEVERITY[one].toLowerCase()}
              {one === 'URGENT' ? '' : ' or worse'}
            </option>
          ))}
        </select>
      </label>
      <label>
        Company
        <select
          value={company ?? ''}
          onChange={({ target }) => {
            choose({ company: target.value === '' ? undefined : target.value });
          }}
        >
          <option value="">any</option>
          {companies.map(({ companyId, name }) => (
            <option key={companyId} value={companyId}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Grouped by
        <select
          value={order}
          onChange={({ target }) => {
            choose({ order: target.value === 'severity' ? undefined : (target.value as Order) });
          }}
        >
          {Object.entries(ORDERS).map(([key, title]) => (
            <option key={key} value={key}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={unread ?? false}
          onChange={({ target }) => {
            choose({ unread: target.checked ? true : undefined });
          }}
        />
        unread only
      </label>
    </div>
  );
}
