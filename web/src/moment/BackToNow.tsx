/** The way back to now, on both clocks. */

import type { ReactNode } from 'react';

import { useMoment } from './moment';

export function BackToNow(): ReactNode {
  const { go } = useMoment();
  return (
    <button
      type="button"
      onClick={() => {
        go({ at: undefined, knownAt: undefined });
      }}
    >
      Back to now
    </button>
  );
}
