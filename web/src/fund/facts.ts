/** The newest fact that came while the page was open. */

import { createContext, useContext } from 'react';

import type { FundFactsSubscription } from '../../generated/operations';

export type Fact = FundFactsSubscription['fundEvents'];

export const FactContext = createContext<Fact | null>(null);

/** The newest fact recorded since the page was opened; null before the first. */
export function useNewestFact(): Fact | null {
  return useContext(FactContext);
}
