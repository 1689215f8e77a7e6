/** What a reader can do about being signed in. */

import { createContext, useContext } from 'react';

export interface HubSession {
  signOut: () => void;
}

export const SessionContext = createContext<HubSession>({ signOut: () => undefined });

export function useSession(): HubSession {
  return useContext(SessionContext);
}
