/** What the timeline is narrowed to. */

import { useNavigate, useSearch } from '@tanstack/react-router';
import { useId, type ReactNode } from 'react';

import type { FundEventType } from '../../generated/operations';
import { useCompanies } from '../fund/companies';
import { KINDS_OF_FACTS, kindText } from '../fund/kinds';
import { isDay } from '../moment/instant';
import { useMoment } from '../moment/moment';
import type { DAYS, TimeSearch } from './search';
import styles from './Timeline.module.css';

/** Filters, kept in the address so that a link shows the same facts. */
export function Filters(): ReactNode {
  const search = useSearch({ from: '/funds/$fund/time' });
  const navigate = useNavigate({ from: '/funds/$fund/time' });
  const { isNow } = useMoment();
  const companies = useCompanies();
  const id = useId();
  const choose = (chosen: TimeSearch): void => {
    void navigate({ search: (before) => ({ ...before, ...chosen }), replace: true, resetScroll: false });
  };
  const { kinds, company, later } = search;
  const isFiltered = [kinds, company, search.trueFrom, search.trueTo, search.learnedFrom, search.learnedTo].some(
    (one) => one !== undefined,
  );
  return (
    <div className={styles.filters} role="group" aria-label="Filters of the timeline">
      <div className={styles.filter}>
        <label htmlFor={id}>Company</label>
        <select
          id={id}
          value={company ?? ''}
          onChange={(event) => {
            choose({ company: event.target.value === '' ? undefined : event.target.value });
          }}
        >
          <option value="">all</option>
          {company !== undefined && companies.every(({ companyId }) => companyId !== company) && (
            <option value={company}>{company}</option>
          )}
          {companies.map(({ companyId, name }) => (
            <option key={companyId} value={companyId}>
              {name}
            </option>
          ))}
        </select>
      </div>
      <Range legend="True" from="trueFrom" to="trueTo" search={search} onChoose={choose} />
      <Range legend="Learned" from="learnedFrom" to="learnedTo" search={search} onChoose={choose} />
      <label className={styles.check} hidden={isNow}>
        <input
          type="checkbox"
          checked={later === true}
          onChange={(event) => {
            choose({ later: event.target.checked ? true : undefined });
          }}
        />
        What came after the moment, too
      </label>
      <Kinds
        chosen={kinds ?? []}
        onChoose={(next) => {
          choose({ kinds: next.length === 0 ? undefined : next });
        }}
      />
      {isFiltered && (
        <button
          type="button"
          onClick={() => {
            choose({
              kinds: undefined,
              company: undefined,
              trueFrom: undefined,
              trueTo: undefined,
              learnedFrom: undefined,
              learnedTo: undefined,
            });
          }}
        >
          Clear filters
        </button>
      )}
    </div>
  );
}

type DayName = (typeof DAYS)[number];

function Range(props: {
  legend: string;
  from: DayName;
  to: DayName;
  search: TimeSearch;
  onChoose: (chosen: TimeSearch) => void;
}): ReactNode {
  const { legend, from, to, search, onChoose } = props;
  return (
    <fieldset className={styles.range}>
      <legend>{legend}</legend>
      {[from, to].map((name) => (
        <input
          key={name}
          type="date"
          aria-label={`${legend} ${name === from ? 'from' : 'to'}`}
          value={search[name] ?? ''}
          onChange={(event) => {
            const { value } = event.target;
            if (value === '' || isDay(value)) {
              onChoose({ [name]: value === '' ? undefined : value });
            }
          }}
        />
      ))}
    </fieldset>
  );
}

function Kinds({ chosen, onChoose }: { chosen: readonly FundEventType[]; onChoose: (next: FundEventType[]) => void }): ReactNode {
  const [only] = chosen;
  const told = only === undefined ? 'all' : chosen.length === 1 ? kindText(only) : `${chosen.length} kinds`;
  return (
    <details className={styles.kinds}>
      <summary>Kinds: {told}</summary>
      <fieldset className={styles.choices}>
        <legend className="spoken">Kinds of facts</legend>
        {KINDS_OF_FACTS.map((kind) => (
          <label key={kind}>
            <input
              type="checkbox"
              checked={chosen.includes(kind)}
              onChange={(event) => {
                onChoose(event.target.checked ? [...chosen, kind] : chosen.filter((one) => one !== kind));
              }}
            />
            {kindText(kind)}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
