/** Parts of the rule editor that most rules leave as they are. */

import type { ReactNode } from 'react';

import { AlertChannelsDocument, CompaniesAtDocument, type ForecastPolicy } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { Field, FieldGroup } from '../parts/Field';
import { useAnswer } from '../server/answer';
import { CHANNEL } from './AlertDetail';
import type { RuleDraft } from './ruleDraft';
import styles from './Rules.module.css';
import { POLICIES } from './search';
import { Ticks } from './Ticks';

interface Part {
  draft: RuleDraft;
  change: (changed: Partial<RuleDraft>) => void;
}

/** Which companies it is about. */
export function Scope({ draft, change }: Part): ReactNode {
  const { id: fund } = useFund();
  const { data } = useAnswer(CompaniesAtDocument, { fund });
  const companies = data?.fund?.portfolioCompanies.filter(({ status }) => status === 'ACTIVE') ?? [];
  const stages = [...new Set(companies.flatMap(({ stage }) => (stage === null ? [] : [stage])))].sort();
  return (
    <>
      <FieldGroup label="Companies" path="companyIds" hint="None ticked: every company.">
        <div className={styles.several} tabIndex={0} role="group" aria-label="Companies of the rule">
          <Ticks
            choices={companies.map(({ companyId, name }) => [companyId, name] as const).sort(([, a], [, b]) => a.localeCompare(b, 'en'))}
            chosen={draft.companyIds ?? []}
            onChoose={(companyIds) => {
              change({ companyIds: companyIds.length === 0 ? null : companyIds });
            }}
          />
        </div>
      </FieldGroup>
      {stages.length > 0 && (
        <FieldGroup label="Stages" path="stages" hint="None ticked: at any stage.">
          <Ticks
            choices={stages.map((stage) => [stage, stage.replaceAll('_', ' ')] as const)}
            chosen={draft.stages ?? []}
            onChoose={(chosen) => {
              change({ stages: chosen.length === 0 ? null : chosen });
            }}
          />
        </FieldGroup>
      )}
    </>
  );
}

/** How often, against which forecast, and how soon again. */
export function Finer({ draft, change }: Part): ReactNode {
  const number = (key: 'persistence' | 'persistenceWindow' | 'clearAt' | 'cooldownMinutes', label: string, hint: string): ReactNode => (
    <Field label={label} path={key} hint={hint}>
      {(control) => (
        <input
          {...control}
          inputMode="decimal"
          value={draft[key]}
          onChange={({ target }) => {
            change({ [key]: target.value });
          }}
        />
      )}
    </Field>
  );
  return (
    <div className={styles.pairs}>
      {number('persistence', 'Breaches', 'So many figures …')}
      {number('persistenceWindow', 'Of the last', '… of the last so many must breach.')}
      {number('clearAt', 'Ends below', 'Share of every threshold: 0.8 is 80%.')}
      {number('cooldownMinutes', 'Quiet for, minutes', 'A new breach is told so long after the last notice; 1440 is a day.')}
      <Field label="Forecast" path="forecastPolicy">
        {(control) => (
          <select
            {...control}
            value={draft.forecastPolicy}
            onChange={({ target }) => {
              change({ forecastPolicy: target.value as ForecastPolicy });
            }}
          >
            {options(POLICIES)}
          </select>
        )}
      </Field>
      <label className={styles.tick}>
        <input
          type="checkbox"
          checked={draft.includeBackdated}
          onChange={({ target }) => {
            change({ includeBackdated: target.checked });
          }}
        />
        Count forecasts recorded too late
      </label>
    </div>
  );
}

/** By which ways people are told. */
export function Channels({ draft, change }: Part): ReactNode {
  const { id: fund } = useFund();
  const { data } = useAnswer(AlertChannelsDocument, { fund });
  const set = new Map(data?.alertChannels.map(({ channel, hint }) => [channel, hint]));
  const there = [...new Set(['IN_APP' as const, ...set.keys(), ...draft.channels])];
  return (
    <FieldGroup label="Told by" path="channels" hint="Other channels are there once the fund has set them (setAlertChannel).">
      <Ticks
        choices={there.map((channel) => [channel, set.has(channel) ? `${CHANNEL[channel]} (${set.get(channel) ?? ''})` : CHANNEL[channel]] as const)}
        chosen={draft.channels}
        onChoose={(channels) => {
          change({ channels });
        }}
      />
    </FieldGroup>
  );
}

/** The choices of a select. */
export function options(titles: Record<string, string>): ReactNode {
  return Object.entries(titles).map(([key, title]) => (
    <option key={key} value={key}>
      {title}
    </option>
  ));
}
