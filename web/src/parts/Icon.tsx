/** The few signs that no font can be trusted with. */

import type { ReactNode } from 'react';

const SHAPES = {
  play: 'M4 2.5v11l9-5.5z',
  pause: 'M4 2.5h3v11H4zM9 2.5h3v11H9z',
  earlier: 'M3 2.5h2v11H3zM13 2.5v11L6 8z',
  later: 'M11 2.5h2v11h-2zM3 2.5v11L10 8z',
} as const;

/** A sign in the colour of its text; what it means is said by what it stands in. */
export function Icon({ shape }: { shape: keyof typeof SHAPES }): ReactNode {
  return (
    <svg width="14" height="14" viewBox="0 0 16 16" aria-hidden="true" fill="currentColor">
      <path d={SHAPES[shape]} />
    </svg>
  );
}
