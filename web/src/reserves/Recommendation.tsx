/** What is recommended, in a few figures, and what it rests on. */

import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { instantText } from '../moment/instant';
import { Notice } from '../parts/Notice';
import { Section } from '../parts/Section';
import { AskedOf } from './AskedOf';
import { Insights } from './Insights';
import { momentText } from './momentText';
import styles from './Recommendation.module.css';
import type { Run } from './run';
import { ToLatest } from './ToRun';

export function Recommendation({ run, latest }: { run: Run; latest: string | undefined }): ReactNode {
  const { timeZone } = useFund();
  const seconds = run.elapsedMs === null ? '' : `, in ${(run.elapsedMs / 1000).toFixed(1)} s`;
  return (
    <Section title="Recommendation" tools={<AskedOf run={run} />}>
      {run.id !== latest && (
        <Notice tone="info" title="A run opened by its address">
          {latest === undefined
            ? 'No recommendation had been made by the moment on the page; this is a run that was asked for later.'
            : 'It isn’t the latest recommendation known at the moment on the page.'}{' '}
          <ToLatest>{latest === undefined ? 'Close it' : 'Show the latest'}</ToLatest>
        </Notice>
      )}
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
