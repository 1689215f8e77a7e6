/** One moment for all: what is true `at`, as far as it was `knownAt`; both in the address, both null for now. */

import { useNavigate, useSearch } from '@tanstack/react-router';
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { dayOf, isDay } from './instant';
import { instantOf, type MomentSearch } from './search';

export interface Moment {
  /** The instant asked about, for the API; null for now. */
  at: string | null;
  /** The instant asked from, for the API; null for now. */
  knownAt: string | null;
  /** The other moment that figures are compared with; null where the reader chose none. */
  compare: string | null;
  isNow: boolean;
  /** The day on which `at` lies, in the fund’s time zone; today for now. */
  day: string;
  /** Today in the fund’s time zone. */
  today: string;
  /** Whether the reader drags or plays: what is slow to answer waits until they stop. */
  moving: boolean;
  /** `at` as the address has it: a day, an instant, or undefined for now. */
  shownAt: string | undefined;
  /** Where the reader is likely to go next; answers for these are fetched ahead. */
  ahead: readonly string[];
  /** Goes to a moment while the reader drags or plays: no new entry in the history but the first. */
  scrub: (at: string | undefined) => void;
  /** Ends a drag: what comes next is a step of its own for the Back button. */
  settle: () => void;
  /** Goes to other moments: a step for the Back button. What isn't named stays; undefined is now. */
  go: (moments: MomentSearch) => void;
  /** Says where the reader is likely to go next. */
  expect: (ahead: readonly string[]) => void;
}

const MomentContext = createContext<Moment | null>(null);

/** Browsers let a page write its address about 200 times in 30 seconds. */
const ADDRESS_PAUSE = 300;

/** Holds the moment: that of the address, or for the time of a drag the one under the reader’s hand. */
export function MomentProvider({ children }: { children: ReactNode }): ReactNode {
  const fund = useFund();
  const search: MomentSearch = useSearch({ strict: false });
  const navigate = useNavigate();
  // While the reader drags, this leads and the address follows.
  const [held, setHeld] = useState<{ at: string | undefined } | null>(null);
  const [ahead, expect] = useState<readonly string[]>([]);
  const drag = useRef<{ at: string | undefined; timer: ReturnType<typeof setTimeout> | undefined } | null>(null);

  const write = useCallback(
    (moments: MomentSearch, replace: boolean) =>
      navigate({
        to: '.',
        replace,
        resetScroll: false,
        search: (before: MomentSearch) => withoutNow({ ...before, ...moments }),
      }),
    [navigate],
  );
  const scrub = useCallback(
    (at: string | undefined) => {
      setHeld({ at });
      const dragged = drag.current;
      if (dragged === null) {
        drag.current = { at, timer: undefined };
        void write({ at }, false);
        return;
      }
      dragged.at = at;
      dragged.timer ??= setTimeout(() => {
        dragged.timer = undefined;
        void write({ at: dragged.at }, true);
      }, ADDRESS_PAUSE);
    },
    [write],
  );
  const settle = useCallback(() => {
    const dragged = drag.current;
    expect([]);
    if (dragged !== null) {
      clearTimeout(dragged.timer);
      drag.current = null;
      void write({ at: dragged.at }, true).then(() => {
        // The address has it now, unless the next drag has begun.
        if (drag.current === null) {
          setHeld(null);
        }
      });
    }
  }, [write]);
  const go = useCallback(
    (moments: MomentSearch) => {
      clearTimeout(drag.current?.timer);
      drag.current = null;
      expect([]);
      setHeld(null);
      void write(moments, false);
    },
    [write],
  );
  useEffect(
    () => () => {
      clearTimeout(drag.current?.timer);
    },
    [],
  );

  const today = useToday(fund.timeZone);
  const shownAt = held === null ? search.at : held.at;
  const moment = useMemo(
    () => ({
      at: instantOf(shownAt, fund.timeZone),
      knownAt: instantOf(search.knownAt, fund.timeZone),
      compare: instantOf(search.compare, fund.timeZone),
      isNow: shownAt === undefined && search.knownAt === undefined,
      day: shownAt === undefined ? today : isDay(shownAt) ? shownAt : dayOf(shownAt, fund.timeZone),
      today,
      moving: held !== null,
      shownAt,
      ahead,
      scrub,
      settle,
      go,
      expect,
    }),
    [shownAt, search.knownAt, search.compare, fund.timeZone, today, held, ahead, scrub, settle, go],
  );
  return <MomentContext.Provider value={moment}>{children}</MomentContext.Provider>;
}

/** Today in a zone, also for who leaves the page open overnight. */
function useToday(zone: string): string {
  const [today, setToday] = useState(() => dayOf(Date.now(), zone));
  useEffect(() => {
    const timer = setInterval(() => {
      setToday(dayOf(Date.now(), zone));
    }, 60_000);
    return () => {
      clearInterval(timer);
    };
  }, [zone]);
  return today;
}

function withoutNow(moments: MomentSearch): MomentSearch {
  return Object.fromEntries(Object.entries(moments).filter(([, text]) => text !== undefined));
}

/** The moment on the page. Everything shown of the fund follows it: ask by `useAnswerAt`. */
export function useMoment(): Moment {
  const moment = useContext(MomentContext);
  if (moment === null) {
    throw new Error('useMoment is for what lies within a fund');
  }
  return moment;
}
