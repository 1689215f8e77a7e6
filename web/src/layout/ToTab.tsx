/** Links from one tab to the evidence in another. */

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { keptMoment, type MomentSearch } from '../moment/search';
import { TABS, type TabName } from '../tabs';

interface Props {
  tab: TabName;
  search?: MomentSearch & Record<string, unknown>;
  children: ReactNode;
}

/**
 * A link to a tab at the moment on the page, with more search parameters of that tab or another moment in `search`; plain text
 * where there is no such tab.
 */
export function ToTab({ tab, search, children }: Props): ReactNode {
  const address = `/funds/$fund/${tab}`;
  const to = TABS.find((one) => one.to === address)?.to;
  return to === undefined ? (
    children
  ) : (
    <Link to={to} from="/funds/$fund" search={(before: MomentSearch) => ({ ...keptMoment(before), ...search })}>
      {children}
    </Link>
  );
}
