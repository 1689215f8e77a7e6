/** Links within the tab: to a run, to a comparison, to a curve. What else is in the address stays. */

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import type { MomentSearch } from '../moment/search';
import { momentOf, type Standing } from './run';
import type { ReservesSearch } from './search';

type Search = MomentSearch & ReservesSearch;

const TAB = '/funds/$fund/reserves';

/** Opens a run: one that asks of another moment takes the page there. */
export function ToRun({ run, label, children }: { run: Pick<Standing, 'id' | 'at' | 'knownAt' | 'requestedAt'>; label?: string; children: ReactNode }): ReactNode {
  const { timeZone } = useFund();
  return (
    <Link
      from={TAB}
      to={TAB}
      resetScroll={false}
      aria-label={label}
      search={(before: Search) => ({ ...before, ...momentOf(run, timeZone), run: run.id })}
    >
      {children}
    </Link>
  );
}

/** Puts a run beside the one that is open, or none. */
export function ToComparison({ run, label, children }: { run: string | undefined; label?: string; children: ReactNode }): ReactNode {
  return (
    <Link from={TAB} to={TAB} resetScroll={false} aria-label={label} search={(before: Search) => ({ ...before, with: run })}>
      {children}
    </Link>
  );
}

/** Shows a company's curve. */
export function ToCurve({ company, children }: { company: string; children: ReactNode }): ReactNode {
  return (
    <Link from={TAB} to={TAB} hash="curve" search={(before: Search) => ({ ...before, company })}>
      {children}
    </Link>
  );
}

/** Leaves the run of the address for the latest recommendation known at the moment. */
export function ToLatest({ children }: { children: ReactNode }): ReactNode {
  return (
    <Link from={TAB} to={TAB} resetScroll={false} search={(before: Search) => ({ ...before, run: undefined })}>
      {children}
    </Link>
  );
}
