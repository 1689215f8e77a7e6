/** Moments of runs in words. */

import { instantText } from '../moment/instant';
import { isReplay, type Standing } from './run';

/** What a run is about: the fund as it was when it was asked, or at another moment. */
export function momentText(run: Pick<Standing, 'at' | 'knownAt' | 'requestedAt'>, zone: string): string {
  return isReplay(run)
    ? `the fund at ${instantText(run.at, zone)}, as known at ${instantText(run.knownAt, zone)}`
    : `the fund as it was when it was asked, ${instantText(run.at, zone)}`;
}
