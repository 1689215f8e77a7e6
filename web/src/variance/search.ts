/** What of the variance tab is in the address. */

import type { AlertSeverity, AlertStatus, ForecastPolicy, MetricType, VarianceGrouping } from '../../generated/operations';
import { METRIC_TYPES } from '../alerts/metrics';
import { SEVERITIES } from '../alerts/Severity';
import { isDay } from '../moment/instant';
import { momentSearch, type MomentSearch } from '../moment/search';

export type View = 'figures' | 'alerts' | 'rules';
export type Group = Lowercase<VarianceGrouping>;
export type Standing = keyof typeof STANDINGS;
export type Order = keyof typeof ORDERS;

/** Which alerts are listed, by how they stand. */
export const STANDINGS = {
  waiting: { title: 'Waiting', statuses: ['OPEN'] },
  handled: { title: 'Acknowledged', statuses: ['ACKNOWLEDGED'] },
  quiet: { title: 'Quiet', statuses: ['SNOOZED', 'PENDING', 'SUPPRESSED'] },
  over: { title: 'Over', statuses: ['RESOLVED'] },
  all: { title: 'All', statuses: null },
} as const satisfies Record<string, { title: string; statuses: readonly AlertStatus[] | null }>;

export const ORDERS = { severity: 'severity', company: 'company', status: 'status' } as const;

export const POLICIES: Record<ForecastPolicy, string> = {
  LATEST_AT_PERIOD_START: 'newest as the period began',
  LATEST_AT_EFFECTIVE_DATE: 'newest by the period’s end',
  BUDGET_LOCK: 'budget',
  ORIGINAL_UNDERWRITE: 'first underwriting',
};

export interface VarianceSearch extends MomentSearch {
  view?: View;
  /** What the figures are grouped by. */
  group?: Group;
  as?: 'table';
  metric?: MetricType;
  company?: string;
  /** As 2026-07-01/2026-09-30. */
  period?: string;
  /** Periods that end on these days or between. */
  from?: string;
  to?: string;
  /** Which forecast counts, and whether those recorded too late do. */
  forecasts?: ForecastPolicy;
  late?: boolean;
  standing?: Standing;
  severity?: AlertSeverity;
  unread?: true;
  order?: Order;
}

const PERIOD = /^\d{4}-\d{2}-\d{2}\/\d{4}-\d{2}-\d{2}$/;

function oneOf<Choice extends string>(found: unknown, choices: readonly Choice[]): Choice | undefined {
  return choices.find((choice) => choice === found);
}

/** The tab’s part of an address; what can’t be is left out. */
export function varianceSearch(search: Record<string, unknown>): VarianceSearch {
  const text = (name: string, fits: (text: string) => boolean): string | undefined => {
    const found = search[name];
    return typeof found === 'string' && fits(found) ? found : undefined;
  };
  const { late } = search;
  const found = {
    view: oneOf(search['view'], ['alerts', 'rules']),
    group: oneOf(search['group'], ['metric', 'period']),
    as: oneOf(search['as'], ['table']),
    metric: oneOf(search['metric'], METRIC_TYPES),
    // Keys of digits arrive as numbers.
    company: typeof search['company'] === 'number' ? String(search['company']) : text('company', (key) => key !== ''),
    period: text('period', (key) => PERIOD.test(key)),
    from: text('from', isDay),
    to: text('to', isDay),
    forecasts: oneOf(search['forecasts'], Object.keys(POLICIES) as ForecastPolicy[]),
    late: typeof late === 'boolean' ? late : undefined,
    standing: oneOf(search['standing'], Object.keys(STANDINGS) as Standing[]),
    severity: oneOf(search['severity'], SEVERITIES),
    unread: search['unread'] === true ? true : undefined,
    order: oneOf(search['order'], Object.keys(ORDERS) as Order[]),
  };
  return {
    ...momentSearch(search),
    ...(Object.fromEntries(Object.entries(found).filter(([, kept]) => kept !== undefined)) as VarianceSearch),
  };
}
