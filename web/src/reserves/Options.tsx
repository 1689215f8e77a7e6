/** The options of a run: what to compute, within which limits. */

import type { ReactNode } from 'react';

import type { ReserveMode, ReserveRankBy, ReserveStrategy } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { Field } from '../parts/Field';
import { Companies } from './Companies';
import { DEFAULTS, STRATEGIES, type Asked } from './asked';
import styles from './RunForm.module.css';
import { MODE, RANK_BY, STRATEGY, STRATEGY_MEANS } from './words';

type Typed = {
  [Name in keyof Asked]: Asked[Name] extends string ? (string extends Asked[Name] ? Name : never) : never;
}[keyof Asked];

interface Kind {
  path: Typed;
  label: (currency: string) => string;
  hint: string;
}

const MONEY: readonly Kind[] = [
  { path: 'pool', label: (currency) => `Pool, ${currency}`, hint: 'What to split. Empty: planned and not deployed, at most what is available.' },
  { path: 'incrementalAmount', label: (currency) => `Increment, ${currency}`, hint: 'The expected MOIC is that of the first so many.' },
  { path: 'minCheck', label: (currency) => `Smallest cheque, ${currency}`, hint: 'Empty: none.' },
  { path: 'maxPerCompany', label: (currency) => `Most for one company, ${currency}`, hint: 'Empty: no such limit.' },
  { path: 'worstFivePercentFloor', label: (currency) => `Floor in bad times, ${currency}`, hint: 'Least mean of the worst 5% of the paths. Empty: none.' },
];
const LIMITS: readonly Kind[] = [
  { path: 'maxPerCompanyShare', label: () => 'Most in one company, % of the fund', hint: 'What is invested counts.' },
  { path: 'maxPoolShare', label: () => 'Most for one company, % of the pool', hint: 'New money.' },
  { path: 'discountRate', label: () => 'Discount rate, % a year', hint: 'Empty: nothing is discounted.' },
  { path: 'confidenceLevel', label: () => 'Interval of the multiple, %', hint: 'By draws of the odds.' },
  { path: 'marketCorrelation', label: () => 'Market correlation', hint: 'Of any two companies’ fortunes, 0 to 0.99.' },
];
const PATHS: readonly Kind[] = [
  { path: 'iterations', label: () => 'Paths', hint: '100 to 10,000,000. Empty: the installation’s default.' },
  { path: 'seed', label: () => 'Seed', hint: 'The same gives the same figures. Empty: 1.' },
];

/** Paths of the fields there always are. */
export const FIELDS: readonly string[] = ['strategies', 'mode', 'rankBy', ...[...MONEY, ...LIMITS, ...PATHS].map(({ path }) => path)];

export function Options({ asked, onChange }: { asked: Asked; onChange: (asked: Asked) => void }): ReactNode {
  const { currency } = useFund();
  const set = (change: Partial<Asked>): void => {
    onChange({ ...asked, ...change });
  };
  const typed = (kinds: readonly Kind[]): ReactNode =>
    kinds.map(({ path, label, hint }) => (
      <Field key={path} label={label(currency)} path={path} hint={hint}>
        {(control) => (
          <input
            {...control}
            inputMode="decimal"
            autoComplete="off"
            value={asked[path]}
            onChange={(event) => {
              set({ [path]: event.target.value });
            }}
          />
        )}
      </Field>
    ));
  return (
    <div className={styles.groups}>
      <fieldset>
        <legend>Strategies</legend>
        <Field label="Recommended" path="strategies" hint={STRATEGY_MEANS[asked.recommended]}>
          {(control) => (
            <Select
              {...control}
              words={STRATEGY}
              chosen={asked.recommended}
              onChoose={(recommended: ReserveStrategy) => {
                set({ recommended });
              }}
            />
          )}
        </Field>
        <div>
          <p className={styles.name}>Beside it, on the same paths</p>
          {STRATEGIES.filter((one) => one !== asked.recommended).map((one) => (
            <label key={one} className={styles.choice}>
              <input
                type="checkbox"
                checked={asked.compared.includes(one)}
                onChange={(event) => {
                  set({ compared: event.target.checked ? [...asked.compared, one] : asked.compared.filter((other) => other !== one) });
                }}
              />
              {STRATEGY[one]}
            </label>
          ))}
        </div>
        <Field label="An undrawn dollar is worth" path="mode">
          {(control) => (
            <Select
              {...control}
              words={MODE}
              chosen={asked.mode}
              onChoose={(mode: ReserveMode) => {
                set({ mode });
              }}
            />
          )}
        </Field>
        <Field label="Ranked by" path="rankBy">
          {(control) => (
            <Select
              {...control}
              words={RANK_BY}
              chosen={asked.rankBy}
              onChoose={(rankBy: ReserveRankBy) => {
                set({ rankBy });
              }}
            />
          )}
        </Field>
      </fieldset>
      <fieldset>
        <legend>Amounts</legend>
        {typed(MONEY)}
      </fieldset>
      <fieldset>
        <legend>Limits and rates</legend>
        {typed(LIMITS)}
      </fieldset>
      <fieldset>
        <legend>Simulation</legend>
        {typed(PATHS)}
        <button
          type="button"
          onClick={() => {
            onChange(DEFAULTS);
          }}
        >
          Back to the defaults
        </button>
      </fieldset>
      <Companies asked={asked} onChange={set} />
    </div>
  );
}

interface SelectProps<Word extends string> {
  id: string;
  words: Record<Word, string>;
  chosen: Word;
  onChoose: (word: Word) => void;
}

function Select<Word extends string>({ words, chosen, onChoose, ...control }: SelectProps<Word>): ReactNode {
  return (
    <select
      {...control}
      value={chosen}
      onChange={(event) => {
        onChoose(event.target.value as Word);
      }}
    >
      {Object.entries<string>(words).map(([word, text]) => (
        <option key={word} value={word}>
          {text}
        </option>
      ))}
    </select>
  );
}
