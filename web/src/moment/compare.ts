/** The other moment that figures are compared with. */

import { useMemo } from 'react';

import { useFund } from '../fund/fund';
import { addDays, dayOf, endOfDay } from './instant';
import { useMoment } from './moment';

export interface Comparison {
  /** The instant compared with. */
  at: string;
  /** Its day in the fund’s zone. */
  day: string;
}

/** The last day of the quarter before a day. */
export function quarterEndBefore(day: string): string {
  const [year = 0, month = 1] = day.split('-').map(Number);
  const first = month - ((month - 1) % 3);
  return addDays(`${year}-${String(first).padStart(2, '0')}-01`, -1);
}

/** The same day a year earlier; 28 February for the 29th. */
export function yearBefore(day: string): string {
  const year = Number(day.slice(0, 4)) - 1;
  const rest = day.endsWith('02-29') ? '-02-28' : day.slice(4);
  return `${String(year).padStart(4, '0')}${rest}`;
}

/** The moment chosen in the address, else the end of the quarter before the moment on the page. */
export function useComparison(): Comparison {
  const { timeZone } = useFund();
  const { day: here, compare } = useMoment();
  return useMemo(() => {
    const day = compare === null ? quarterEndBefore(here) : dayOf(compare, timeZone);
    return { at: compare ?? endOfDay(day, timeZone), day };
  }, [compare, here, timeZone]);
}
