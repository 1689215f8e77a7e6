/** Light, dark, or as the system has it; kept for this browser. */

import { useCallback, useState } from 'react';

export type Theme = 'system' | 'light' | 'dark';

const STORED = 'drypowder.theme';

function stored(): Theme {
  const theme = localStorage.getItem(STORED);
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

function wear(theme: Theme): void {
  if (theme === 'system') {
    delete document.documentElement.dataset['theme'];
  } else {
    document.documentElement.dataset['theme'] = theme;
  }
}

/** Puts on the theme of the last visit, before anything is drawn. */
export function wearStored(): void {
  wear(stored());
}

export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(stored);
  const choose = useCallback((chosen: Theme) => {
    localStorage.setItem(STORED, chosen);
    wear(chosen);
    setTheme(chosen);
  }, []);
  return [theme, choose];
}
