/** Which facts were taken back, by which other ones. */

import { useMemo } from 'react';

import { VoidsDocument, type VoidsQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { micros } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { useAnswer, type Answer } from '../server/answer';

export type Void = Extract<VoidsQuery['timeline']['nodes'][number], { targetVersion: number }>;

/** Corrections are few; more than these are looked up in the timeline. */
export const MOST_VOIDS = 200;

export function useVoids(): Answer<VoidsQuery> {
  const { id: fund } = useFund();
  return useAnswer(VoidsDocument, { fund, first: MOST_VOIDS });
}

export function voidsIn(data: VoidsQuery | undefined): readonly Void[] {
  return (data?.timeline.nodes ?? []).filter((node): node is Void => 'targetVersion' in node);
}

/** The void of each voided version, as far as known at the moment. */
export function useVoided(): ReadonlyMap<number, Void> {
  const { knownAt } = useMoment();
  const { data } = useVoids();
  return useMemo(() => {
    const known = voidsIn(data).filter(({ recordedAt }) => knownAt === null || micros(recordedAt) <= micros(knownAt));
    return new Map(known.map((one) => [one.targetVersion, one]));
  }, [data, knownAt]);
}
