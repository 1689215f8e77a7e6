/** What GraphiQL keeps on the reader's disk between visits: tabs, history and settings, but no token. */

import type { Storage } from '@graphiql/toolkit';

const TABS = 'graphiql:tabState';
// A second copy of the open tab's variables, by which GraphiQL finds that tab again.
const VARIABLES = 'graphiql:variables';
// GraphiQL leaves headers out of its saved tabs, but not out of these.
const HISTORY = new Set(['graphiql:queries', 'graphiql:favorites']);

/** A storage that saves the history without headers, and gives it back with these. */
export function withoutHeaders(headers: string): Storage {
  return {
    getItem: (key) => replaceHeaders(key, localStorage.getItem(key), headers),
    setItem: (key, text) => {
      localStorage.setItem(key, replaceHeaders(key, text, null) ?? '');
    },
    removeItem: (key) => {
      localStorage.removeItem(key);
    },
    clear: () => {
      localStorage.clear();
    },
    get length() {
      return localStorage.length;
    },
  };
}

function replaceHeaders(key: string, text: string | null, headers: string | null): string | null {
  if (text === null || !HISTORY.has(key)) {
    return text;
  }
  try {
    return JSON.stringify(JSON.parse(text, (name, inner: unknown) => (name === 'headers' ? headers : inner)));
  } catch {
    return null;
  }
}

/** Whether an earlier visit has left tabs. */
export function hasTabs(): boolean {
  return localStorage.getItem(TABS) !== null;
}

/** Puts another fund into the variables of the saved tabs. */
export function turnTabsTo(fund: string): void {
  const tabs = localStorage.getItem(TABS);
  if (tabs === null) {
    return;
  }
  try {
    const turned = JSON.parse(tabs, (name, inner: unknown) =>
      name === 'variables' && typeof inner === 'string' ? withFund(inner, fund) : inner,
    ) as unknown;
    localStorage.setItem(TABS, JSON.stringify(turned));
  } catch {
    localStorage.removeItem(TABS);
  }
  localStorage.setItem(VARIABLES, withFund(localStorage.getItem(VARIABLES) ?? '', fund));
}

function withFund(variables: string, fund: string): string {
  try {
    const parsed: unknown = JSON.parse(variables);
    if (typeof parsed === 'object' && parsed !== null && 'fundId' in parsed) {
      return JSON.stringify({ ...parsed, fundId: fund }, null, 2);
    }
  } catch {
    // Half-typed variables are the reader's; they stay as they are.
  }
  return variables;
}
