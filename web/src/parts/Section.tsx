/** A part of a tab: a heading, what belongs to it, and the states it can be in. */

import { useId, type ReactNode } from 'react';

import type { Answer } from '../server/answer';
import { Notice } from './Notice';
import styles from './Section.module.css';

/** A titled card; `tools` stand beside the heading. */
export function Section({ title, tools, children }: { title: string; tools?: ReactNode; children: ReactNode }): ReactNode {
  const id = useId();
  return (
    <section className={styles.card} aria-labelledby={id}>
      <div className={styles.head}>
        <h2 id={id}>{title}</h2>
        {tools}
      </div>
      {children}
    </section>
  );
}

/**
 * Shows an answer once it is there: bars until the first, the last one dimmed while the next is on its way, and what to do
 * where it failed.
 */
export function Answered<Data>({ answer, children }: { answer: Answer<Data>; children: (data: Data) => ReactNode }): ReactNode {
  const { data, fault, stale, again } = answer;
  return (
    <>
      {fault !== undefined && (
        <Notice tone={fault.kind === 'away' ? 'warn' : 'bad'} title={fault.title}>
          {fault.advice}
          {fault.requestId !== null && <span className="soft"> Request {fault.requestId}.</span>}{' '}
          <button type="button" onClick={again}>
            Try again
          </button>
        </Notice>
      )}
      {data === undefined ? (
        fault === undefined && <Loading />
      ) : (
        <div className={stale ? 'stale' : undefined} aria-busy={stale}>
          {children(data)}
        </div>
      )}
    </>
  );
}

/** Stands for what is on its way. */
export function Loading(): ReactNode {
  return (
    <div className={styles.loading} role="status" aria-busy="true">
      <span className="spoken">Loading</span>
      <i />
      <i />
      <i />
    </div>
  );
}

/** Says that there is nothing, and why, or what would change that. */
export function Empty({ children }: { children: ReactNode }): ReactNode {
  return <p className={styles.empty}>{children}</p>;
}
