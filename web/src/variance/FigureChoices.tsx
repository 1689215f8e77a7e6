/** Which periods are looked at, and which forecasts count. */

import type { ReactNode } from 'react';

import type { ForecastPolicy } from '../../generated/operations';
import type { Basis } from './basis';
import { useChoose, useVarianceSearch } from './choose';
import styles from './Figures.module.css';
import { POLICIES } from './search';

/** The first and the last day on which a period may end. */
export function Range({ from }: { from: string }): ReactNode {
  const { to } = useVarianceSearch();
  const choose = useChoose();
  return (
    <fieldset className={styles.range}>
      <legend className="spoken">Periods that end</legend>
      <label>
        Periods from
        <input
          type="date"
          value={from}
          max={to}
          onChange={({ target }) => {
            choose({ from: target.value === '' ? undefined : target.value });
          }}
        />
      </label>
      <label>
        to
        <input
          type="date"
          value={to ?? ''}
          min={from}
          onChange={({ target }) => {
            choose({ to: target.value === '' ? undefined : target.value });
          }}
        />
      </label>
    </fieldset>
  );
}

/** Which forecast counts; by itself the one that most alert rules go by. */
export function BasisChoice({ basis, byRules }: { basis: Basis | null; byRules: boolean }): ReactNode {
  const choose = useChoose();
  return (
    <div className={styles.basis}>
      <label>
        Forecast
        <select
          value={basis?.policy ?? ''}
          disabled={basis === null}
          onChange={({ target }) => {
            choose({ forecasts: target.value as ForecastPolicy, late: basis?.late });
          }}
        >
          {Object.entries(POLICIES).map(([policy, title]) => (
            <option key={policy} value={policy}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={basis?.late ?? false}
          disabled={basis === null}
          onChange={({ target }) => {
            choose({ forecasts: basis?.policy, late: target.checked });
          }}
        />
        late ones too
      </label>
      {byRules ? (
        <span className="soft">as most alert rules</span>
      ) : (
        <button
          type="button"
          className="plain"
          onClick={() => {
            choose({ forecasts: undefined, late: undefined });
          }}
        >
          As the rules
        </button>
      )}
    </div>
  );
}
