/** The moments in the address: `at`, `knownAt` and `compare`, absent for now. */

import { endOfDay, isDay, isInstant } from './instant';

export interface MomentSearch {
  /** What was true then: a day of the fund (its end) or an instant. */
  at?: string | undefined;
  /** As far as it was known at this instant. */
  knownAt?: string | undefined;
  /** The other moment that figures are compared with: a day or an instant. */
  compare?: string | undefined;
}

/** What of an address's search parameters says a moment; what can't be one is left out. */
export function momentSearch(search: Record<string, unknown>): MomentSearch {
  const kept: MomentSearch = {};
  for (const name of ['at', 'knownAt', 'compare'] as const) {
    const text = search[name];
    if (typeof text === 'string' && (isDay(text) || isInstant(text))) {
      kept[name] = text;
    }
  }
  return kept;
}

/** The instant that a day or an instant in the address stands for. */
export function instantOf(text: string | undefined, zone: string): string | null {
  if (text === undefined) {
    return null;
  }
  return isDay(text) ? endOfDay(text, zone) : text;
}

/** The moments of an address alone: what links to other tabs take along. */
export function keptMoment({ at, knownAt, compare }: MomentSearch): MomentSearch {
  return {
    ...(at === undefined ? {} : { at }),
    ...(knownAt === undefined ? {} : { knownAt }),
    ...(compare === undefined ? {} : { compare }),
  };
}
