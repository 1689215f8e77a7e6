/** Which forecasts the figures are held against. */

import { useMemo } from 'react';

import { AlertRulesDocument, type ForecastPolicy, type RuleSettingFragment } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { useAnswer, type Answer } from '../server/answer';
import { useVarianceSearch } from './choose';

export interface Basis {
  policy: ForecastPolicy;
  /** Whether forecasts recorded too late to have been in force count too. */
  late: boolean;
}

/**
 * The reader’s choice, else what most of the fund’s rules say, so that the figures are those the alerts are about; null
 * until the rules are there.
 */
export function useBasis(): { basis: Basis | null; byRules: boolean; rules: Answer<unknown> } {
  const { id: fund } = useFund();
  const { forecasts, late } = useVarianceSearch();
  const rules = useAnswer(AlertRulesDocument, { fund });
  const usual = useMemo(() => (rules.data === undefined ? null : usualOf(rules.data.alertRules)), [rules.data]);
  const chosen = forecasts !== undefined && late !== undefined;
  const basis = useMemo(
    () =>
      usual === null && !chosen
        ? null
        : { policy: forecasts ?? usual?.policy ?? 'LATEST_AT_PERIOD_START', late: late ?? usual?.late ?? false },
    [usual, chosen, forecasts, late],
  );
  return { basis, byRules: forecasts === undefined && late === undefined, rules };
}

function usualOf(rules: readonly RuleSettingFragment[]): Basis {
  const counts = new Map<string, number>();
  let most: RuleSettingFragment | undefined;
  for (const rule of rules.filter(({ enabled }) => enabled)) {
    const key = `${rule.forecastPolicy} ${rule.includeBackdated}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (most === undefined || count > (counts.get(`${most.forecastPolicy} ${most.includeBackdated}`) ?? 0)) {
      most = rule;
    }
  }
  return { policy: most?.forecastPolicy ?? 'LATEST_AT_PERIOD_START', late: most?.includeBackdated ?? false };
}
