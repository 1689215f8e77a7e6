/** One slice through companies, metrics and periods, as a heat map. */

import { useMemo, type ReactNode } from 'react';

import { CompaniesAtDocument, VarianceGroupsDocument, type VarianceFilter } from '../../generated/operations';
import { METRIC_TYPES, metricTitle } from '../alerts/metrics';
import { comparePeriods, periodKey, periodOf, periodText } from '../alerts/period';
import { useAnswerAt } from '../moment/answerAt';
import { useMoment } from '../moment/moment';
import type { Basis } from './basis';
import { useChoose, useVarianceSearch } from './choose';
import { Compared, useFigures } from './Compared';
import styles from './Figures.module.css';
import { HeatMap } from './HeatMap';
import type { Group } from './search';

/** Two are the axes, the third is chosen. */
export function Slice({ group, basis, from }: { group: Group; basis: Basis; from: string }): ReactNode {
  const { to } = useVarianceSearch();
  const choose = useChoose();
  const { third, title, choices, chosen } = useThird(group, basis);
  const answer = useFigures(filterOf(third, chosen, from, to), basis, chosen === undefined);
  const chosenTitle = choices.find(({ key }) => key === chosen)?.title ?? '';
  return (
    <>
      <label className={styles.slice}>
        {title}
        <select
          value={chosen ?? ''}
          onChange={(event) => {
            choose({ [third]: event.target.value });
          }}
        >
          {choices.map((choice) => (
            <option key={choice.key} value={choice.key}>
              {choice.title}
            </option>
          ))}
        </select>
      </label>
      <Compared answer={answer} basis={basis}>
        {(figures) => (
          <HeatMap
            caption={`${chosenTitle} against forecast`}
            figures={third === 'period' ? figures.filter((one) => periodKey(one) === chosen) : figures}
            rows={group === 'metric' ? 'metric' : 'company'}
            columns={group === 'period' ? 'metric' : 'period'}
          />
        )}
      </Compared>
    </>
  );
}

type Third = 'metric' | 'company' | 'period';

/** What is chosen beside the two axes, and out of what. */
function useThird(
  group: Group,
  { policy, late }: Basis,
): { third: Third; title: string; choices: readonly { key: string; title: string }[]; chosen: string | undefined } {
  const { metric = 'REVENUE', company, period } = useVarianceSearch();
  const companies = useAnswerAt(CompaniesAtDocument, {}, { pause: group !== 'metric' });
  const { moving } = useMoment();
  // The summary below asks the very same.
  const periods = useAnswerAt(VarianceGroupsDocument, { groupBy: 'PERIOD', policy, late }, { pause: group !== 'period' || moving });
  const choices = useMemo(() => {
    switch (group) {
      case 'company':
        return METRIC_TYPES.map((key) => ({ key: key as string, title: metricTitle(key) }));
      case 'metric':
        return (companies.data?.fund?.portfolioCompanies ?? [])
          .map(({ companyId, name }) => ({ key: companyId, title: name }))
          .sort((a, b) => a.title.localeCompare(b.title, 'en'));
      case 'period':
        return (periods.data?.varianceSummary ?? [])
          .map(({ key }) => key)
          .sort((a, b) => comparePeriods(b, a))
          .map((key) => ({ key, title: periodText(periodOf(key)) }));
    }
  }, [group, companies.data, periods.data]);
  const among = (wanted: string | undefined): string | undefined =>
    choices.some(({ key }) => key === wanted) ? wanted : choices[0]?.key;
  switch (group) {
    case 'company':
      return { third: 'metric', title: 'Metric', choices, chosen: metric };
    case 'metric':
      return { third: 'company', title: 'Company', choices, chosen: among(company) };
    case 'period':
      return { third: 'period', title: 'Period', choices, chosen: among(period) };
  }
}

function filterOf(third: Third, chosen: string | undefined, from: string, to: string | undefined): VarianceFilter {
  const range = { periodFrom: from, periodTo: to ?? null };
  switch (third) {
    case 'metric':
      return { ...range, metrics: METRIC_TYPES.filter((metric) => metric === chosen) };
    case 'company':
      return { ...range, companyIds: [chosen ?? ''] };
    case 'period': {
      const { periodEnd } = periodOf(chosen ?? '');
      return { periodFrom: periodEnd, periodTo: periodEnd };
    }
  }
}
