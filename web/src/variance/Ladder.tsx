/** From which difference on a variance has a severity: a rung for each, from the mildest. */

import type { ReactNode } from 'react';

import { SEVERITY } from '../alerts/Severity';
import { useFund } from '../fund/fund';
import { Field, FieldGroup } from '../parts/Field';
import type { RungDraft } from './ruleDraft';
import styles from './Rules.module.css';

export function Ladder({ rungs, onChange }: { rungs: readonly RungDraft[]; onChange: (rungs: readonly RungDraft[]) => void }): ReactNode {
  const { currency } = useFund();
  const change = (rung: RungDraft, changed: Partial<RungDraft>): void => {
    onChange(rungs.map((one) => (one === rung ? { ...one, ...changed } : one)));
  };
  const used = rungs.filter((rung) => rung.used);
  return (
    <FieldGroup label="Severities" path="ladder" hint="A difference has the worst severity whose thresholds it reaches.">
      {rungs.map((rung) => {
        const title = SEVERITY[rung.severity];
        const path = `ladder.${used.indexOf(rung)}`;
        return (
          <div key={rung.severity} className={styles.rung}>
            <label className={styles.tick}>
              <input
                type="checkbox"
                checked={rung.used}
                onChange={({ target }) => {
                  change(rung, { used: target.checked });
                }}
              />
              {title}
            </label>
            {rung.used && (
              <FieldGroup label={`${title} from`} path={path}>
                <div className={styles.legs}>
                  <Field label="Percent" path={`${path}.percent`}>
                    {(control) => (
                      <input
                        {...control}
                        inputMode="decimal"
                        value={rung.percent}
                        onChange={({ target }) => {
                          change(rung, { percent: target.value });
                        }}
                      />
                    )}
                  </Field>
                  <Field label={`Difference, ${currency} or the figure’s unit`} path={`${path}.absolute`}>
                    {(control) => (
                      <input
                        {...control}
                        inputMode="decimal"
                        value={rung.absolute}
                        onChange={({ target }) => {
                          change(rung, { absolute: target.value });
                        }}
                      />
                    )}
                  </Field>
                </div>
              </FieldGroup>
            )}
          </div>
        );
      })}
    </FieldGroup>
  );
}
