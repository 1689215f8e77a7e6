/** Instants as they stand on the page. */

import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { exactText, instantText } from '../moment/instant';

/** An instant in the fund’s time zone, to the minute; exact in its title. */
export function Instant({ at }: { at: string }): ReactNode {
  const { timeZone } = useFund();
  return (
    <time className="figure" dateTime={at} title={exactText(at, timeZone)}>
      {instantText(at, timeZone)}
    </time>
  );
}
