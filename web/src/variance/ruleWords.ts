/** A rule in words. */

import type { RuleSettingFragment, RungCombination, VarianceDirection } from '../../generated/operations';
import { decimalText, moneyText } from '../parts/money';
import { metricTitle } from '../alerts/metrics';
import { SEVERITY } from '../alerts/Severity';

export const DIRECTION: Record<VarianceDirection, string> = {
  UNFAVOURABLE: 'worse than forecast',
  FAVOURABLE: 'better than forecast',
  BOTH: 'any difference',
};

export const COMBINE: Record<RungCombination, string> = {
  AND: 'both, where both are given',
  OR: 'either',
  PERCENT_ONLY: 'the percentage alone',
  ABSOLUTE_ONLY: 'the difference alone',
};

const MONEY = new Set(['REVENUE', 'EBITDA', 'CASH_BURN', 'ARR', 'VALUATION', 'CASH']);

/** From which differences on it alerts: warning from 10% and $50,000.00; … */
export function ladderText({ ladder, combine, metrics }: RuleSettingFragment, currency: string): string {
  const joint = combine === 'OR' ? ' or ' : ' and ';
  const inMoney = metrics.every((metric) => MONEY.has(metric));
  return ladder
    .map(({ severity, percent, absolute }) => {
      const legs = [
        percent === null || combine === 'ABSOLUTE_ONLY' ? null : `${decimalText(percent)}%`,
        absolute === null || combine === 'PERCENT_ONLY' ? null : inMoney ? moneyText(absolute, currency) : decimalText(absolute),
      ];
      return `${SEVERITY[severity].toLowerCase()} from ${legs.filter((leg) => leg !== null).join(joint)}`;
    })
    .join('; ');
}

/** Which figures of which companies, and which way. */
export function scopeText(rule: RuleSettingFragment, names: ReadonlyMap<string, string>): string {
  const { metrics, direction, companyIds, stages, persistence, persistenceWindow } = rule;
  const companies = companyIds === null ? 'every company' : companyIds.map((key) => names.get(key) ?? key).join(', ');
  return [
    `${metrics.map(metricTitle).join(', ')} of ${companies}`,
    stages === null ? null : `at ${stages.join(', ')}`,
    DIRECTION[direction],
    persistenceWindow === 1 ? null : `${persistence} of the last ${persistenceWindow} figures`,
  ]
    .filter((part) => part !== null)
    .join('; ');
}
