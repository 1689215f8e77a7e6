/** What the API's words mean to a partner. */

import type { ReserveAction, ReserveMode, ReserveRankBy, ReserveStrategy, RunStatus } from '../../generated/operations';

/** A follow-on dollar that is expected to come back more than so often is a high opportunity. */
export const HIGH_MULTIPLE = 3;

export const ACTION: Record<ReserveAction, string> = { INCREASE: 'Increase', REDUCE: 'Reduce', HOLD: 'Hold' };

export const STATUS: Record<RunStatus, string> = {
  QUEUED: 'Waiting for a worker',
  RUNNING: 'Running',
  SUCCEEDED: 'Done',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
};

export const STRATEGY: Record<ReserveStrategy, string> = {
  OPTIMAL: 'Optimal',
  PRIORITY_GREEDY: 'By priority',
  HEURISTIC: 'Rule of thumb',
};

export const STRATEGY_MEANS: Record<ReserveStrategy, string> = {
  OPTIMAL: 'Splits the pool so that the expected value is largest, within all limits.',
  PRIORITY_GREEDY: 'By a score of its stage, each company gets all it may have until the pool is empty.',
  HEURISTIC: 'One and a half times what is invested, more above 3.0×, less below 1.5×, in the order of the ranking.',
};

export const MODE: Record<ReserveMode, string> = {
  RING_FENCED: 'A dollar: it stays in the fund',
  POOLED: 'What the next best company makes of it',
};

export const RANK_BY: Record<ReserveRankBy, string> = {
  FOLLOW_ON_MULTIPLE: 'Follow-on multiple',
  VALUE_PER_RESERVED_DOLLAR: 'Value of a reserved dollar',
  RECOMMENDED_CHANGE: 'Recommended change',
  OWNERSHIP_ADJUSTED: 'Follow-on multiple over ownership',
};

const REASONS: Record<string, string> = {
  cap: 'It has all that the limits for one company allow.',
  stage: 'Its stage has all that it may get.',
  'pro-rata': 'The fund’s right to take part in the rounds to come is used up.',
  'minimum cheque': 'What is left would be below the smallest cheque.',
  'cut-off': 'The next dollar is worth more elsewhere, or undrawn.',
  excluded: 'It was excluded from this run.',
};

/** Why a company got no more, in a sentence. */
export function reasonText(limitedBy: string): string {
  return REASONS[limitedBy] ?? limitedBy;
}
