/** The timeline’s filters in the address. */

import type { FundEventType, TimelineFilter } from '../../generated/operations';
import { KINDS_OF_FACTS } from '../fund/kinds';
import { endOfDay, fromMicros, isDay, micros, startOfDay } from '../moment/instant';
import type { Moment } from '../moment/moment';

export interface TimeSearch {
  kinds?: readonly FundEventType[] | undefined;
  /** Only facts about this company. */
  company?: string | undefined;
  /** First and last day on which they were true, in the fund’s time zone. */
  trueFrom?: string | undefined;
  trueTo?: string | undefined;
  /** First and last day on which they were learned. */
  learnedFrom?: string | undefined;
  learnedTo?: string | undefined;
  /** Whether facts are listed too that the page’s moment doesn’t know, or that were true after it. */
  later?: boolean | undefined;
}

export const DAYS = ['trueFrom', 'trueTo', 'learnedFrom', 'learnedTo'] as const;

/** What of an address’s search parameters filters the timeline; what can’t be is left out. */
export function timeSearch(search: Record<string, unknown>): TimeSearch {
  const kept: TimeSearch = {};
  const { kinds, company, later } = search;
  if (Array.isArray(kinds)) {
    const known = KINDS_OF_FACTS.filter((kind) => kinds.includes(kind));
    if (known.length > 0) {
      kept.kinds = known;
    }
  }
  if (typeof company === 'string' || typeof company === 'number') {
    // Keys of digits arrive as numbers.
    kept.company = String(company);
  }
  for (const name of DAYS) {
    const day = search[name];
    if (typeof day === 'string' && isDay(day)) {
      kept[name] = day;
    }
  }
  if (later === true) {
    kept.later = true;
  }
  return kept;
}

/** The filter as the API takes it: the reader’s, and unless they ask for more only what the moment knows. */
export function filterOf(search: TimeSearch, moment: Pick<Moment, 'at' | 'knownAt'>, zone: string): TimelineFilter {
  const bound = search.later !== true;
  const occurredTo = earliest(dayEnd(search.trueTo, zone), bound ? just(moment.at) : null);
  const recordedTo = earliest(dayEnd(search.learnedTo, zone), bound ? just(moment.knownAt) : null);
  return {
    ...(search.kinds === undefined ? {} : { types: [...search.kinds] }),
    ...(search.company === undefined ? {} : { companyId: search.company }),
    ...(search.trueFrom === undefined ? {} : { occurredFrom: startOfDay(search.trueFrom, zone) }),
    ...(search.learnedFrom === undefined ? {} : { recordedFrom: startOfDay(search.learnedFrom, zone) }),
    ...(occurredTo === null ? {} : { occurredTo }),
    ...(recordedTo === null ? {} : { recordedTo }),
  };
}

/** The API’s ends are the first instant that no longer belongs. */
function just(instant: string | null): string | null {
  return instant === null ? null : fromMicros(micros(instant) + 1n);
}

function dayEnd(day: string | undefined, zone: string): string | null {
  return day === undefined ? null : just(endOfDay(day, zone));
}

function earliest(one: string | null, other: string | null): string | null {
  if (one === null || other === null) {
    return one ?? other;
  }
  return micros(one) < micros(other) ? one : other;
}
