/** What is recommended, in a few figures, and what it rests on. */

import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { instantText, micros } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Notice } from '../parts/Notice';
import { Section } from '../parts/Section';
import type { Asked } from './asked';
import { AskedOf } from './AskedOf';
import { Insights } from './Insights';
import { momentText } from './momentText';
import styles from './Recommendation.module.css';
import type { Run } from './run';
import { ToLatest } from './ToRun';

interface Props {
  run: Run;
  /** The latest recommendation known at the moment. */
  latest: string | undefined;
  onAgain: ((asked: Asked) => void) | undefined;
}

export function Recommendation({ run, latest, onAgain }: Props): ReactNode {
  const { timeZone } = useFund();
  const seconds = run.elapsedMs === null ? '' : `, in ${(run.elapsedMs / 1000).toFixed(1)} s`;
  return (
    <Section title="Recommendation" tools={<AskedOf key={run.id} run={run} onAgain={onAgain} />}>
      {run.id !== latest && <NotLatest run={run} latest={latest} />}
      {run.staleSince !== null && (
        <Notice tone="warn" title="Out of date">
          Facts learned since {instantText(run.staleSince, timeZone)} change what it rests on. Run again for figures of now.
        </Notice>
      )}
      <p className={styles.rests}>
        Of {momentText(run, timeZone)}, up to version {run.fundVersion}. Asked for by {run.requestedBy}
        {run.finishedAt === null ? '' : `, finished ${instantText(run.finishedAt, timeZone)}`}: {run.iterations.toLocaleString('en')} paths, seed{' '}
        {run.seed}, model {run.modelVersion}
        {seconds}.
      </p>
      <Insights run={run} />
    </Section>
  );
}

/** Says why another run than the latest recommendation is shown, and leads back to that. */
function NotLatest({ run, latest }: { run: Run; latest: string | undefined }): ReactNode {
  const { at, knownAt } = useMoment();
  const back = <ToLatest>{latest === undefined ? 'Close it' : 'Show the latest'}</ToLatest>;
  const replayed = at !== null && micros(run.at) === micros(at) && (knownAt === null || micros(run.knownAt) === micros(knownAt));
  return replayed ? (
    <Notice tone="info" title="What it would have been">
      This run was asked for later, of the moment on the page.{' '}
      {latest === undefined ? 'No recommendation had been made by then.' : 'Another recommendation had been made by then.'} {back}
    </Notice>
  ) : (
    <Notice tone="info" title="Not the latest">
      {latest === undefined
        ? 'No recommendation had been made by the moment on the page; this run is of another.'
        : 'This isn’t the latest recommendation known at the moment on the page.'}{' '}
      {back}
    </Notice>
  );
}
