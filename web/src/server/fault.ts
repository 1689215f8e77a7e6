/** What went wrong with a request, in the words a partner needs: what happened, and what to do. */

import type { CombinedError } from 'urql';

export type FaultKind = 'expired' | 'away' | 'limited' | 'refused' | 'broken';

export interface Fault {
  kind: FaultKind;
  title: string;
  advice: string;
  /** The request's id in the server's log, where it has one. */
  requestId: string | null;
}

const AWAY = new Set(['UNAVAILABLE', 'TIMEOUT']);
const LIMITED = new Set(['RATE_LIMITED', 'TOO_MANY_CONNECTIONS', 'TOO_MANY_OPERATIONS', 'TOO_MANY_SUBSCRIPTIONS']);

/** The fault behind an error of urql. */
export function faultOf(error: CombinedError): Fault {
  const [first] = error.graphQLErrors;
  const extensions = first?.extensions ?? {};
  const code = typeof extensions['code'] === 'string' ? extensions['code'] : '';
  const requestId = typeof extensions['requestId'] === 'string' ? extensions['requestId'] : null;
  if (code === 'UNAUTHENTICATED') {
    return { kind: 'expired', title: 'Signed out', advice: 'Your access token is no longer good. Sign in again.', requestId };
  }
  if (first === undefined || AWAY.has(code)) {
    const advice = 'What was on screen stays. The page asks again by itself as soon as the server answers.';
    return { kind: 'away', title: 'The server can’t be reached', advice, requestId };
  }
  if (LIMITED.has(code)) {
    const after = Number(extensions['retryAfter']);
    const advice = after > 0 ? `Try again in ${Math.ceil(after)} seconds.` : 'Try again in a minute.';
    return { kind: 'limited', title: 'Too many requests', advice, requestId };
  }
  if (code === 'FORBIDDEN' || code === 'NOT_FOUND') {
    const advice = 'Ask an administrator of the fund for access, or choose another fund.';
    return { kind: 'refused', title: first.message, advice, requestId };
  }
  return { kind: 'broken', title: 'That didn’t work', advice: `${first.message} Try again.`, requestId };
}
