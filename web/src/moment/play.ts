/** Playing the fund’s life like a film. */

import { useCallback, useEffect, useRef, useState } from 'react';

/** A step each so many milliseconds, and so many steps for the whole life. */
const PACE = 200;
const STEPS = 100;

export interface Play {
  on: boolean;
  toggle: () => void;
  stop: () => void;
}

/** Moves on by itself from where the slider is, from the start where it is at the end, until the end. */
export function usePlay(place: number, last: number, move: (place: number) => void, settle: () => void): Play {
  const [on, setOn] = useState(false);
  const now = useRef({ place, last, move, settle });
  useEffect(() => {
    now.current = { place, last, move, settle };
  });

  useEffect(() => {
    if (!on) {
      return;
    }
    const timer = setInterval(() => {
      const { current } = now;
      const next = current.place + Math.max(1, Math.round(current.last / STEPS));
      current.move(Math.min(next, current.last));
      if (next >= current.last) {
        setOn(false);
      }
    }, PACE);
    return () => {
      clearInterval(timer);
      now.current.settle();
    };
  }, [on]);

  const stop = useCallback(() => {
    setOn(false);
  }, []);
  const toggle = useCallback(() => {
    const { current } = now;
    if (!on && current.place >= current.last) {
      current.move(0);
    }
    setOn(!on);
  }, [on]);
  return { on, toggle, stop };
}
