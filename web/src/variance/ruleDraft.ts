/** A rule as it is being written: texts as typed, until they can be one. */

import type { AlertRuleInput, AlertSeverity, DeliveryChannel, ForecastPolicy, MetricType, RuleSettingFragment, RungCombination, VarianceDirection } from '../../generated/operations';
import { SEVERITIES } from '../alerts/Severity';
import type { Refusal } from '../parts/Field';

export interface RungDraft {
  severity: AlertSeverity;
  used: boolean;
  percent: string;
  absolute: string;
}

export interface RuleDraft {
  name: string;
  metrics: readonly MetricType[];
  /** One for each severity, from the mildest. */
  rungs: readonly RungDraft[];
  companyIds: readonly string[] | null;
  stages: readonly string[] | null;
  direction: VarianceDirection;
  combine: RungCombination;
  persistence: string;
  persistenceWindow: string;
  clearAt: string;
  forecastPolicy: ForecastPolicy;
  includeBackdated: boolean;
  channels: readonly DeliveryChannel[];
  cooldownMinutes: string;
  enabled: boolean;
}

const MILDEST_FIRST = SEVERITIES.toReversed();

/** What is proposed for a new rule: a miss of money, told in the app. */
export function newRule(policy: ForecastPolicy, late: boolean): RuleDraft {
  const proposed: Partial<Record<AlertSeverity, readonly [string, string]>> = {
    WARNING: ['10', '50000'],
    CRITICAL: ['25', '250000'],
    URGENT: ['40', ''],
  };
  return {
    name: '',
    metrics: ['REVENUE'],
    rungs: MILDEST_FIRST.map((severity) => {
      const [percent = '', absolute = ''] = proposed[severity] ?? [];
      return { severity, used: severity in proposed, percent, absolute };
    }),
    companyIds: null,
    stages: null,
    direction: 'UNFAVOURABLE',
    combine: 'AND',
    persistence: '1',
    persistenceWindow: '1',
    clearAt: '0.8',
    forecastPolicy: policy,
    includeBackdated: late,
    channels: ['IN_APP'],
    cooldownMinutes: '1440',
    enabled: true,
  };
}

/** A rule there is, to be changed. */
export function draftOf(rule: RuleSettingFragment): RuleDraft {
  return {
    ...rule,
    rungs: MILDEST_FIRST.map((severity) => {
      const rung = rule.ladder.find((one) => one.severity === severity);
      return { severity, used: rung !== undefined, percent: rung?.percent ?? '', absolute: rung?.absolute ?? '' };
    }),
    persistence: String(rule.persistence),
    persistenceWindow: String(rule.persistenceWindow),
    cooldownMinutes: String(rule.cooldownMinutes),
  };
}

const DECIMAL = /^[+-]?\d+(\.\d+)?$/;
const WHOLE = /^[+-]?\d{1,9}$/;

/**
 * The draft for the API; what the API couldn’t even read is refused here, by the same paths. Whether it can be a rule,
 * the API says.
 */
export function inputOf(draft: RuleDraft, fundId: string): { input: AlertRuleInput; refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const read = (pattern: RegExp, text: string, message: string, ...path: string[]): string => {
    const plain = text.trim().replaceAll(/[,\s]/g, '');
    if (!pattern.test(plain)) {
      refusals.push({ code: 'INVALID', message, path });
    }
    return plain;
  };
  const whole = (text: string, path: string): number => Number(read(WHOLE, text, 'Write a whole number.', path));
  const decimal = (text: string, ...path: string[]): string => read(DECIMAL, text, 'Write a number, such as 12.5.', ...path);
  const threshold = (text: string, ...path: string[]): string | null => (text.trim() === '' ? null : decimal(text, ...path));
  const { name, metrics, companyIds, stages, direction, combine, forecastPolicy, includeBackdated, channels, enabled } = draft;
  const input: AlertRuleInput = {
    fundId,
    name: name.trim(),
    metrics: [...metrics],
    ladder: draft.rungs
      .filter(({ used }) => used)
      .map(({ severity, percent, absolute }, place) => ({
        severity,
        percent: threshold(percent, 'ladder', String(place), 'percent'),
        absolute: threshold(absolute, 'ladder', String(place), 'absolute'),
      })),
    companyIds: companyIds === null ? null : [...companyIds],
    stages: stages === null ? null : [...stages],
    direction,
    combine,
    persistence: whole(draft.persistence, 'persistence'),
    persistenceWindow: whole(draft.persistenceWindow, 'persistenceWindow'),
    clearAt: decimal(draft.clearAt, 'clearAt'),
    forecastPolicy,
    includeBackdated,
    channels: [...channels],
    cooldownMinutes: whole(draft.cooldownMinutes, 'cooldownMinutes'),
    enabled,
  };
  return { input, refusals };
}

const LISTS = new Set(['metrics', 'companyIds', 'stages', 'channels']);

/** The refusals by the paths of the editor’s fields: one entry of a list is told beside the whole list. */
export function byField(refusals: readonly Refusal[]): readonly Refusal[] {
  return refusals.map((refusal) => {
    const path = refusal.path ?? [];
    const list = path.findIndex((part) => LISTS.has(part));
    return list === -1 ? refusal : { ...refusal, path: path.slice(0, list + 1) };
  });
}
