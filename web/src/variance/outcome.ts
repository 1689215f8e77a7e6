/** How a figure came out against its forecast: in a word, a sign and a shade. */

import type { ComparedFragment, VarianceStatus } from '../../generated/operations';
import { shortDifference, variancePercentText } from '../alerts/metrics';

export type Tone = 'good' | 'bad' | 'even' | 'none';

export interface Outcome {
  tone: Tone;
  /** 0 to 3: how far from the forecast. */
  depth: number;
  /** The difference with its sign; empty where there is none. */
  sign: string;
  word: string;
}

/** From these percentages on a difference is told stronger. */
const STEPS = [10, 25] as const;

const WORDS: Record<Exclude<VarianceStatus, 'OK' | 'BASE_TOO_SMALL'>, string> = {
  NO_FORECAST: 'no forecast',
  FORECAST_INCOMPLETE: 'part forecast',
  MISSING_ACTUAL: 'overdue',
};

export function outcomeOf(one: ComparedFragment, currency: string): Outcome {
  if (one.status !== 'OK' && one.status !== 'BASE_TOO_SMALL') {
    return { tone: one.status === 'MISSING_ACTUAL' ? 'bad' : 'none', depth: 0, sign: '', word: WORDS[one.status] };
  }
  const percent = one.variancePercent;
  const sign = percent === null ? shortDifference(one.metricType, one.variance ?? '0', currency) : variancePercentText(percent);
  // Only for a shade; what is shown comes from the string.
  const size = Math.abs(Number(percent ?? 0));
  const depth = 1 + STEPS.filter((step) => size >= step).length;
  if (one.favourable === null) {
    return { tone: 'even', depth, sign, word: Number(one.variance ?? 0) === 0 ? 'as forecast' : 'off plan' };
  }
  return { tone: one.favourable ? 'good' : 'bad', depth, sign, word: one.favourable ? 'better' : 'worse' };
}

export const FLAGS: Record<string, string> = {
  SIGN_CROSS: 'Actual and forecast differ in sign.',
  BACKDATED: 'The forecast was recorded too late to have been in force then.',
  BACKDATED_IGNORED: 'A forecast recorded too late to have been in force then was left out.',
  BACKFILL: 'The figure came as history: it is rated, and nobody is told.',
  RESTATED: 'The figure takes the place of an earlier report.',
  LATE: 'The company reported it after it was due.',
};

export const FLAG_WORDS: Record<string, string> = {
  SIGN_CROSS: 'sign differs',
  BACKDATED: 'late forecast',
  BACKDATED_IGNORED: 'late forecast left out',
  BACKFILL: 'history',
  RESTATED: 'restated',
  LATE: 'reported late',
};
