/** What of the address belongs to this tab: which run is open, what it is compared with, whose curve is shown. */

export interface ReservesSearch {
  /** The run that is open or followed; absent for the latest recommendation known at the moment. */
  run?: string | undefined;
  /** The run it is compared with. */
  with?: string | undefined;
  /** The company whose curve is shown; absent for the first of the ranking. */
  company?: string | undefined;
}

export function reservesSearch(search: Record<string, unknown>): ReservesSearch {
  const kept: ReservesSearch = {};
  for (const name of ['run', 'with', 'company'] as const) {
    const text = search[name];
    if (typeof text === 'string' && text !== '') {
      kept[name] = text;
    }
  }
  return kept;
}
