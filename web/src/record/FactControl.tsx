/** The control of one field. */

import { useId, type ReactNode } from 'react';

import { ReportsDocument } from '../../generated/operations';
import { figureText, METRIC_TYPES, metricTitle } from '../alerts/metrics';
import { periodText } from '../alerts/period';
import { useCompanies } from '../fund/companies';
import { useFund } from '../fund/fund';
import { Field, type Control } from '../parts/Field';
import { useAnswer } from '../server/answer';
import styles from './FactForm.module.css';
import type { FieldSpec } from './forms';
import { Periods } from './Periods';
import type { Values } from './values';

export interface ControlProps {
  field: FieldSpec;
  values: Values;
  onChange: (changed: Values) => void;
}

/** A labelled control for a field, with its unit. */
export function FactControl({ field, values, onChange }: ControlProps): ReactNode {
  const { currency } = useFund();
  const { name, label, kind, hint, optional } = field;
  const value = values[name] ?? '';
  const set = (text: string): void => {
    onChange({ [name]: text });
  };
  if (kind === 'flag') {
    return <Flag field={field} checked={value === 'true'} onChange={set} />;
  }
  if (kind === 'periods') {
    return <Periods field={field} values={values} onChange={onChange} />;
  }
  const named = `${label}${UNITS[kind] === undefined ? '' : `, ${UNITS[kind] ?? ''}`}${kind === 'money' ? ` in ${currency}` : ''}`;
  return (
    <Field label={optional === true ? `${named} (optional)` : named} path={name} {...(hint === undefined ? {} : { hint })}>
      {(control) => {
        switch (kind) {
          case 'company':
          case 'active':
            return <Company control={control} activeOnly={kind === 'active'} value={value} onChange={set} />;
          case 'choice':
          case 'metric':
            return <Choice control={control} choices={field.choices ?? METRICS} value={value} onChange={set} />;
          case 'report':
            return <Report control={control} values={values} value={value} onChange={set} />;
          case 'money':
          case 'share':
          case 'figure':
          case 'text':
          case 'day':
            return (
              <input
                {...control}
                type={kind === 'day' ? 'date' : 'text'}
                className={kind === 'text' || kind === 'day' ? undefined : styles.number}
                inputMode={kind === 'text' || kind === 'day' ? undefined : 'decimal'}
                autoComplete="off"
                value={value}
                onChange={(event) => {
                  set(event.target.value);
                }}
              />
            );
        }
      }}
    </Field>
  );
}

const UNITS: Partial<Record<FieldSpec['kind'], string>> = { share: 'in percent', figure: 'in the metric’s unit' };
const METRICS = METRIC_TYPES.map((metric) => [metric, metricTitle(metric)] as const);

interface SelectProps {
  control: Control;
  value: string;
  onChange: (value: string) => void;
}

function Choice({ control, choices, value, onChange }: SelectProps & { choices: NonNullable<FieldSpec['choices']> }): ReactNode {
  return (
    <select
      {...control}
      value={value}
      onChange={(event) => {
        onChange(event.target.value);
      }}
    >
      <option value="">choose …</option>
      {choices.map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Company({ control, activeOnly, value, onChange }: SelectProps & { activeOnly: boolean }): ReactNode {
  const companies = useCompanies().filter(({ status }) => !activeOnly || status === 'ACTIVE');
  return (
    <Choice
      control={control}
      choices={companies.map(({ companyId, name }) => [companyId, name] as const)}
      value={value}
      onChange={onChange}
    />
  );
}

/** Earlier reports of the company’s metric; the newest first. */
function Report({ control, values, value, onChange }: SelectProps & { values: Values }): ReactNode {
  const { id: fund, currency } = useFund();
  const company = values['companyId'] ?? '';
  const { data } = useAnswer(ReportsDocument, { fund, company }, { pause: company === '' });
  const reports = (company === '' ? [] : (data?.fund?.company?.actuals ?? []))
    .filter(({ metricType }) => metricType === values['metricType'])
    .toSorted((a, b) => b.version - a.version);
  return (
    <Choice
      control={control}
      choices={reports.map((one) => [
        String(one.version),
        `${periodText(one)}: ${figureText(one.metricType, one.value, currency)} (version ${one.version})`,
      ])}
      value={reports.some(({ version }) => String(version) === value) ? value : ''}
      onChange={onChange}
    />
  );
}

function Flag({ field, checked, onChange }: { field: FieldSpec; checked: boolean; onChange: (value: string) => void }): ReactNode {
  const id = useId();
  return (
    <div className={styles.flag}>
      <input
        id={id}
        type="checkbox"
        aria-describedby={`${id}-hint`}
        checked={checked}
        onChange={(event) => {
          onChange(String(event.target.checked));
        }}
      />
      <label htmlFor={id}>{field.label}</label>
      <span id={`${id}-hint`} className="soft">
        {field.hint}
      </span>
    </div>
  );
}
