/** What will be recorded, told from what is sent and not from what was typed. */

import type { ReactNode } from 'react';

import type { FundEventInput, MetricType } from '../../generated/operations';
import { figureText, metricTitle } from '../alerts/metrics';
import { periodText } from '../alerts/period';
import { useCompanies, type KnownCompany } from '../fund/companies';
import { useFund } from '../fund/fund';
import { dayText, instantText } from '../moment/instant';
import { moneyText, percentText } from '../parts/money';
import styles from './FactForm.module.css';
import type { FactSpec, FieldSpec } from './forms';

/** Each field by its name, and when it is true from. */
export function Statement({ form, fact }: { form: FactSpec; fact: FundEventInput }): ReactNode {
  const { currency, timeZone } = useFund();
  const companies = useCompanies();
  const given = (fact.event[form.body] ?? {}) as Readonly<Record<string, unknown>>;
  const metric = given['metricType'] as MetricType | undefined;
  return (
    <>
      <h3>Will be recorded: {form.title.toLowerCase()}</h3>
      <dl className={styles.statement}>
        {form.fields
          .filter(({ name }) => given[name] !== undefined)
          .map((field) => (
            <Entry key={field.name} name={field.label}>
              {told(field, given[field.name], { currency, companies, metric })}
            </Entry>
          ))}
        <Entry name="True from">
          {fact.occurredAt === undefined || fact.occurredAt === null
            ? 'the moment it is recorded'
            : `${instantText(fact.occurredAt, timeZone)} (${timeZone})`}
        </Entry>
      </dl>
    </>
  );
}

function Entry({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

interface Known {
  currency: string;
  companies: readonly KnownCompany[];
  metric: MetricType | undefined;
}

interface Period {
  start: string;
  end: string;
  projectedValue: string;
}

function told(field: FieldSpec, value: unknown, { currency, companies, metric }: Known): ReactNode {
  if (field.kind === 'periods') {
    return (
      <ul>
        {(value as readonly Period[]).map(({ start, end, projectedValue }) => (
          <li key={start}>
            {periodText({ periodStart: start, periodEnd: end })}: {figure(metric, projectedValue, currency)}
          </li>
        ))}
      </ul>
    );
  }
  const text = String(value);
  switch (field.kind) {
    case 'money':
      return moneyText(text, currency);
    case 'share':
      return `${percentText(text, 2)} (${text} as a fraction)`;
    case 'flag':
      return value === true ? 'yes' : 'no';
    case 'day':
      return dayText(text);
    case 'company':
    case 'active':
      return companies.find(({ companyId }) => companyId === text)?.name ?? text;
    case 'choice':
      return field.choices?.find(([key]) => key === text)?.[1] ?? text;
    case 'metric':
      return metric === undefined ? text : metricTitle(metric);
    case 'figure':
      return figure(metric, text, currency);
    case 'report':
      return `version ${text}`;
    case 'text':
      return text;
  }
}

function figure(metric: MetricType | undefined, text: string, currency: string): string {
  return metric === undefined ? text : figureText(metric, text, currency);
}
