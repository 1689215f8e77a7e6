/** Options about companies: promises, exclusions, and the most by stage. */

import { useMemo, type ReactNode } from 'react';

import { ReserveCompaniesDocument } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { useAnswerAt } from '../moment/answerAt';
import { Field } from '../parts/Field';
import { Answered } from '../parts/Section';
import type { Asked } from './asked';
import styles from './RunForm.module.css';

interface Props {
  asked: Asked;
  onChange: (change: Partial<Asked>) => void;
}

export function Companies({ asked, onChange }: Props): ReactNode {
  const answer = useAnswerAt(ReserveCompaniesDocument, {});
  return (
    <Answered answer={answer}>
      {({ fund }) => <Chosen asked={asked} onChange={onChange} companies={fund?.portfolioCompanies ?? []} />}
    </Answered>
  );
}

interface ChosenProps extends Props {
  companies: readonly { readonly companyId: string; readonly name: string; readonly stage: string | null }[];
}

function Chosen({ asked, onChange, companies }: ChosenProps): ReactNode {
  const { currency } = useFund();
  const stages = useMemo(() => [...new Set(companies.flatMap(({ stage }) => (stage === null ? [] : [stage])))].sort(), [companies]);
  const { maxPerStage, commitments, excludedCompanyIds } = asked;
  const nextStage = stages.find((stage) => maxPerStage.every((cap) => cap.stage !== stage));
  const nextCompany = companies.find(({ companyId }) => commitments.every((one) => one.companyId !== companyId));
  return (
    <div className={styles.companies}>
      <fieldset>
        <legend>Most by stage</legend>
        {maxPerStage.map((cap, place) => (
          <div key={cap.stage} className={styles.pair}>
            <Field label="Stage" path={`maxPerStage.${place}.stage`}>
              {(control) => (
                <select
                  {...control}
                  value={cap.stage}
                  onChange={(event) => {
                    onChange({ maxPerStage: maxPerStage.with(place, { ...cap, stage: event.target.value }) });
                  }}
                >
                  {stages.map((stage) => (
                    <option key={stage}>{stage}</option>
                  ))}
                </select>
              )}
            </Field>
            <Field label={`Most, ${currency}`} path={`maxPerStage.${place}.max`}>
              {(control) => (
                <input
                  {...control}
                  inputMode="decimal"
                  value={cap.max}
                  onChange={(event) => {
                    onChange({ maxPerStage: maxPerStage.with(place, { ...cap, max: event.target.value }) });
                  }}
                />
              )}
            </Field>
            <button
              type="button"
              aria-label={`Take away the limit of ${cap.stage}`}
              onClick={() => {
                onChange({ maxPerStage: maxPerStage.filter((other) => other !== cap) });
              }}
            >
              Take away
            </button>
          </div>
        ))}
        <button
          type="button"
          disabled={nextStage === undefined}
          onClick={() => {
            onChange({ maxPerStage: [...maxPerStage, { stage: nextStage ?? '', max: '' }] });
          }}
        >
          Limit a stage
        </button>
      </fieldset>
      <fieldset>
        <legend>Promised</legend>
        {commitments.map((one, place) => (
          <div key={one.companyId} className={styles.pair}>
            <Field label="Company" path={`commitments.${place}.companyId`}>
              {(control) => (
                <select
                  {...control}
                  value={one.companyId}
                  onChange={(event) => {
                    onChange({ commitments: commitments.with(place, { ...one, companyId: event.target.value }) });
                  }}
                >
                  {companies.map(({ companyId, name }) => (
                    <option key={companyId} value={companyId}>
                      {name}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <Field label={`At least, ${currency}`} path={`commitments.${place}.amount`}>
              {(control) => (
                <input
                  {...control}
                  inputMode="decimal"
                  value={one.amount}
                  onChange={(event) => {
                    onChange({ commitments: commitments.with(place, { ...one, amount: event.target.value }) });
                  }}
                />
              )}
            </Field>
            <button
              type="button"
              aria-label={`Take away promise ${place + 1}`}
              onClick={() => {
                onChange({ commitments: commitments.filter((other) => other !== one) });
              }}
            >
              Take away
            </button>
          </div>
        ))}
        <button
          type="button"
          disabled={nextCompany === undefined}
          onClick={() => {
            onChange({ commitments: [...commitments, { companyId: nextCompany?.companyId ?? '', amount: '' }] });
          }}
        >
          Promise a company something
        </button>
      </fieldset>
      <fieldset>
        <legend>Excluded: ranked, and given nothing</legend>
        <div className={styles.many}>
          {companies.map(({ companyId, name }) => (
            <label key={companyId} className={styles.choice}>
              <input
                type="checkbox"
                checked={excludedCompanyIds.includes(companyId)}
                onChange={(event) => {
                  const others = excludedCompanyIds.filter((other) => other !== companyId);
                  onChange({ excludedCompanyIds: event.target.checked ? [...others, companyId] : others });
                }}
              />
              {name}
            </label>
          ))}
        </div>
      </fieldset>
    </div>
  );
}
