/** The access token, from the address to the requests, without a server or a disk ever seeing it on the way. */

const STORED = 'drypowder.token';

// RFC 6750, section 2.1. Anything else could not be sent as a header anyway.
const BEARER_TOKEN = /^[\w.~+/-]+=*$/;

export interface Session {
  token: string | null;
  /** The fund that the link is about, if it names one. */
  fund: string | null;
}

/**
 * Reads `#token=…&fund=…`, clears it from the address bar and the history, and keeps the token for this browser tab.
 */
export function openSession(): Session {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get('token');
  const fund = fragment.get('fund');
  if (token !== null || fund !== null) {
    history.replaceState(history.state, '', location.pathname + location.search);
  }
  if (token !== null) {
    keepToken(token);
  }
  return { token: sessionStorage.getItem(STORED), fund };
}

/** Keeps a token for this browser tab; false if it is none. */
export function keepToken(token: string): boolean {
  const trimmed = token.trim();
  if (!BEARER_TOKEN.test(trimmed)) {
    return false;
  }
  sessionStorage.setItem(STORED, trimmed);
  return true;
}

export function forgetToken(): void {
  sessionStorage.removeItem(STORED);
}

/** Starts the page again when a new link is pasted over it: that alone would not load anything. */
export function reloadOnNewLink(): void {
  addEventListener('hashchange', () => {
    if (/[#&](token|fund)=/.test(location.hash)) {
      location.reload();
    }
  });
}
