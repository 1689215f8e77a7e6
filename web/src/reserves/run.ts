/** A run as the tab has it, and questions about one. */

import {
  RunFiguresDocument,
  type RunFiguresFragment,
  RunStandingDocument,
  type RunStandingFragment,
} from '../../generated/operations';
import { dayOf, endOfDay, micros } from '../moment/instant';
import type { MomentSearch } from '../moment/search';
import { useAnswer, type Answer } from '../server/answer';

export type Run = RunFiguresFragment;
export type Standing = RunStandingFragment;
export type Recommendation = Run['recommendations'][number];
export type Plan = Run['plans'][number];

/** Whether a run is over, whatever it came to. */
export function isOver({ status }: Pick<Standing, 'status'>): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED' || status === 'CANCELLED';
}

type Asked = Pick<Standing, 'at' | 'knownAt' | 'requestedAt'>;

/** Between choosing the present and recording that it was asked lies no more than a request: microseconds. */
const A_REQUEST = 60_000_000n;

/** The moment of the page at which a run is at home: none of its clocks, where it asked of the present. */
export function momentOf(run: Asked, zone: string): MomentSearch {
  const asked = micros(run.requestedAt);
  const past = (instant: string): boolean => asked - micros(instant) > A_REQUEST;
  const day = dayOf(run.at, zone);
  const at = endOfDay(day, zone) === run.at ? day : run.at;
  return isReplay(run) ? { at: past(run.at) ? at : undefined, knownAt: past(run.knownAt) ? run.knownAt : undefined } : {};
}

/** Whether a run asked of another moment than that at which it was asked for. */
export function isReplay({ at, knownAt, requestedAt }: Asked): boolean {
  return [at, knownAt].some((instant) => micros(requestedAt) - micros(instant) > A_REQUEST);
}

function found<Node extends { readonly id: string }, Fragment extends Node>(node: Node | null | undefined, field: keyof Fragment): Fragment | null | undefined {
  if (node === undefined) {
    return undefined;
  }
  return node !== null && field in node ? (node as Fragment) : null;
}

/** How a run stands; null where there is no such run. */
export function useStanding(run: string | undefined): { standing: Standing | null | undefined; answer: Answer<unknown> } {
  const answer = useAnswer(RunStandingDocument, { run: run ?? '' }, { pause: run === undefined });
  const node = run === undefined ? null : answer.data?.node;
  // While another run is asked for, the answer is still about the last one.
  const standing = found<{ readonly id: string }, Standing>(node, 'status');
  return { standing: standing?.id === run ? standing : standing === null ? null : undefined, answer };
}

/** What a finished run came to; undefined until it is there. */
export function useRun(run: string | undefined): { figures: Run | undefined; answer: Answer<unknown> } {
  const answer = useAnswer(RunFiguresDocument, { run: run ?? '' }, { pause: run === undefined });
  const figures = found<{ readonly id: string }, Run>(answer.data?.node, 'plans');
  return { figures: figures ?? undefined, answer };
}
