/** The fund that the page is about, and what the reader may do in it. */

import { createContext, useContext } from 'react';

import type { FundHeadFragment, HubQuery, Role } from '../../generated/operations';

export interface Fund extends FundHeadFragment {
  /** The reader’s role. */
  role: Role;
  /** Whether the reader may record facts, handle alerts and run calculations. */
  mayWrite: boolean;
  /** Whether the reader may set rules, save scenarios and apply recommendations. */
  mayManage: boolean;
}

const RANKS: readonly Role[] = ['VIEWER', 'ANALYST', 'MANAGER', 'ADMIN'];

/** A fund as the reader has it. */
export function fundOf(head: FundHeadFragment, viewer: HubQuery['viewer']): Fund {
  const role = roleIn(head.id, viewer);
  const rank = RANKS.indexOf(role);
  return { ...head, role, mayWrite: rank >= RANKS.indexOf('ANALYST'), mayManage: rank >= RANKS.indexOf('MANAGER') };
}

/** Administrators of the installation or of the fund's organisation have every role without being given one. */
function roleIn(fund: string, viewer: HubQuery['viewer']): Role {
  if (viewer.isAdministrator || viewer.organisations.some((one) => one.role === 'ADMIN' && one.funds.nodes.some(({ id }) => id === fund))) {
    return 'ADMIN';
  }
  return viewer.memberships.find((one) => one.fund.id === fund)?.role ?? 'VIEWER';
}

export const FundContext = createContext<Fund | null>(null);

/** The fund on the page: `id`, `name`, `currency`, `timeZone`, `role`, `mayWrite`, `mayManage` and more. */
export function useFund(): Fund {
  const fund = useContext(FundContext);
  if (fund === null) {
    throw new Error('useFund is for what lies within a fund');
  }
  return fund;
}

/** Who reads the page. */
export const ViewerContext = createContext<HubQuery['viewer'] | null>(null);

export function useViewer(): HubQuery['viewer'] {
  const viewer = useContext(ViewerContext);
  if (viewer === null) {
    throw new Error('useViewer is for signed-in readers');
  }
  return viewer;
}

/** The funds the reader has a part in. */
export const FundsContext = createContext<readonly FundHeadFragment[]>([]);

export function useFunds(): readonly FundHeadFragment[] {
  return useContext(FundsContext);
}
