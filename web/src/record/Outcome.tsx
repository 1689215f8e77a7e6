/** The steps of a form that records: check, what will be recorded, record, and what came of it. */

import { useEffect, useRef, type ReactNode } from 'react';

import { Notice } from '../parts/Notice';
import styles from './Outcome.module.css';
import type { Recorder } from './recorder';

interface Props {
  recorder: Recorder;
  checkText: string;
  recordText: string;
  /** What will be recorded, shown once it has been checked. */
  children: ReactNode;
  /** Whether there is something to check. */
  ready?: boolean;
}

/** Belongs at the end of a form whose submission checks. */
export function Outcome({ recorder, checkText, recordText, children, ready = true }: Props): ReactNode {
  const { stage, record } = recorder;
  switch (stage.name) {
    case 'recorded': {
      const [first] = stage.events;
      const last = stage.events.at(-1);
      return (
        <Notice tone="good" title="Recorded">
          {stage.events.length === 1
            ? `Version ${first?.version}: ${first?.summary}`
            : `${stage.events.length} facts, versions ${first?.version} to ${last?.version}.`}
        </Notice>
      );
    }
    case 'checked':
    case 'recording':
      return (
        <Statement>
          {children}
          {stage.name === 'checked' && stage.unsure !== undefined && (
            <Notice tone="warn" title="It isn’t known whether it was recorded">
              {stage.unsure.advice} Recording it again is safe: it is recorded once.
            </Notice>
          )}
          <p className="soft">Checked against version {stage.version} of the ledger. Nothing has been recorded yet.</p>
          <button type="button" className="primary" disabled={stage.name === 'recording'} onClick={() => void record()}>
            {stage.name === 'recording' ? 'Recording …' : recordText}
          </button>
        </Statement>
      );
    case 'overtaken':
      return (
        <div className={styles.statement}>
          <Notice tone="warn" title="The fund has changed meanwhile">
            Something was recorded after version {stage.version}, on which this was checked. Nothing of this was recorded.
            Look at what came, and check again.
          </Notice>
          <button className="primary">Check again</button>
        </div>
      );
    case 'open':
    case 'checking':
    case 'refused':
    case 'failed':
      return (
        <div className={styles.statement}>
          {stage.name === 'failed' && (
            <Notice tone="bad" title={stage.fault.title}>
              {stage.fault.advice}
            </Notice>
          )}
          <button className="primary" disabled={!ready || stage.name === 'checking'}>
            {stage.name === 'checking' ? 'Checking …' : checkText}
          </button>
        </div>
      );
  }
}

/** Takes the focus from the button that made way for it, and not to the next button: that one records. */
function Statement({ children }: { children: ReactNode }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.focus();
  }, []);
  return (
    <div ref={place} tabIndex={-1} className={styles.statement} role="group" aria-label="What will be recorded">
      {children}
    </div>
  );
}
