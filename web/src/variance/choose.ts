/** Choices of the variance tab, kept in the address. */

import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';

import type { VarianceSearch } from './search';

export function useVarianceSearch(): VarianceSearch {
  return useSearch({ from: '/funds/$fund/variance' });
}

/** Changes choices; undefined takes one back to what it is by itself. */
export function useChoose(): (choices: { [Name in keyof VarianceSearch]?: VarianceSearch[Name] | undefined }) => void {
  const navigate = useNavigate({ from: '/funds/$fund/variance' });
  return useCallback(
    (choices) => {
      void navigate({
        replace: true,
        resetScroll: false,
        search: (before) =>
          Object.fromEntries(Object.entries({ ...before, ...choices }).filter(([, kept]) => kept !== undefined)) as VarianceSearch,
      });
    },
    [navigate],
  );
}
