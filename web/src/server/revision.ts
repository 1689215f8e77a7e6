/** How often the ledger has moved since the page was opened: what is on screen is asked anew with each. */

import { createContext, useContext } from 'react';

export interface Revision {
  number: number;
  /** Requests answered since then, by urql's key: the cache may answer these alone. */
  answered: Set<number>;
}

export const firstRevision: Revision = { number: 0, answered: new Set() };

export const RevisionContext = createContext<Revision>(firstRevision);

/** The ledger's revision: changes a moment after new facts, and when the connection is back after a break. */
export function useRevision(): Revision {
  return useContext(RevisionContext);
}
