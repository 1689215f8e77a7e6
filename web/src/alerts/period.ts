/** Periods as people name them. */

import { addDays, dayText } from '../moment/instant';

interface Period {
  periodStart: string;
  periodEnd: string;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Q3 2026, Jul 2026, 2026, or else its first and last day. */
export function periodText({ periodStart, periodEnd }: Period): string {
  const [year, month] = [periodStart.slice(0, 4), Number(periodStart.slice(5, 7))];
  const next = addDays(periodEnd, 1);
  if (periodStart.endsWith('-01') && next.endsWith('-01')) {
    const months = (Number(next.slice(0, 4)) - Number(year)) * 12 + Number(next.slice(5, 7)) - month;
    if (months === 12 && month === 1) {
      return year;
    }
    if (months === 3 && month % 3 === 1) {
      return `Q${(month + 2) / 3} ${year}`;
    }
    if (months === 1) {
      return `${MONTHS[month - 1] ?? ''} ${year}`;
    }
  }
  return `${dayText(periodStart)} – ${dayText(periodEnd)}`;
}

/** As the API keys a period: 2026-07-01/2026-09-30. */
export function periodKey({ periodStart, periodEnd }: Period): string {
  return `${periodStart}/${periodEnd}`;
}

export function periodOf(key: string): Period {
  const [periodStart = '', periodEnd = ''] = key.split('/');
  return { periodStart, periodEnd };
}

/** By their ends, and the shorter first where these are the same. */
export function comparePeriods(a: string, b: string): number {
  const [left, right] = [periodOf(a), periodOf(b)];
  return left.periodEnd.localeCompare(right.periodEnd) || right.periodStart.localeCompare(left.periodStart);
}
