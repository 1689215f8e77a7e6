/** Kinds of facts in words. */

import type { FundEventType } from '../../generated/operations';

const WORDS: Record<FundEventType, string> = {
  FUND_OPENED: 'Fund opened',
  CAPITAL_CALLED: 'Capital called',
  DISTRIBUTION_MADE: 'Distribution made',
  FEE_CHARGED: 'Fee charged',
  EVENT_VOIDED: 'Fact voided',
  COMPANY_ADDED: 'Company added',
  INVESTMENT_MADE: 'Investment made',
  ROUND_PRICED: 'Round priced',
  VALUATION_UPDATED: 'Valuation updated',
  PROCEEDS_RECEIVED: 'Proceeds received',
  COMPANY_STATUS_CHANGED: 'Status changed',
  RESERVE_ALLOCATED: 'Reserve allocated',
  FORECAST_CREATED: 'Forecast created',
  ACTUAL_RECORDED: 'Figure reported',
  DEAL_FORECAST_CREATED: 'Deal forecast created',
  ALERT_RULE_SET: 'Alert rule set',
  ALERT_RAISED: 'Alert raised',
  ALERT_ACKNOWLEDGED: 'Alert acknowledged',
  ALERT_SNOOZED: 'Alert snoozed',
  ALERT_RESOLVED: 'Alert resolved',
  RESERVE_MODEL_SET: 'Reserve model set',
  RESERVE_RUN_REQUESTED: 'Reserve run requested',
  RESERVES_RECOMMENDED: 'Reserves recommended',
  RESERVE_RUN_FAILED: 'Reserve run failed',
  RESERVE_RUN_CANCELLED: 'Reserve run cancelled',
  RESERVE_SCENARIO_SAVED: 'Scenario saved',
};

/** Every kind of fact, in the order of the schema. */
export const KINDS_OF_FACTS = Object.keys(WORDS) as readonly FundEventType[];

export function kindText(type: FundEventType): string {
  return WORDS[type];
}

/** What people record; the rest is the fund’s opening, corrections, and what the product itself notes. */
const RECORDED: ReadonlySet<FundEventType> = new Set([
  'CAPITAL_CALLED',
  'DISTRIBUTION_MADE',
  'FEE_CHARGED',
  'COMPANY_ADDED',
  'INVESTMENT_MADE',
  'ROUND_PRICED',
  'VALUATION_UPDATED',
  'PROCEEDS_RECEIVED',
  'COMPANY_STATUS_CHANGED',
  'RESERVE_ALLOCATED',
  'FORECAST_CREATED',
  'ACTUAL_RECORDED',
  'DEAL_FORECAST_CREATED',
  'RESERVE_MODEL_SET',
]);

/** Whether a fact of this kind can be voided. */
export function isVoidable(type: FundEventType): boolean {
  return RECORDED.has(type);
}
