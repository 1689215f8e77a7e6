/** Messages in the flow of the page. */

import type { ReactNode } from 'react';

import styles from './Notice.module.css';

export type Tone = 'info' | 'good' | 'warn' | 'bad';

const WORDS: Record<Tone, string> = { info: 'Note', good: 'Done', warn: 'Attention', bad: 'Error' };

/** A message with a tone that is also said; bad news is announced at once, the rest when there is a pause. */
export function Notice({ tone = 'info', title, children }: { tone?: Tone; title?: string; children?: ReactNode }): ReactNode {
  return (
    <div className={`${styles.notice} ${styles[tone]}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <span className="spoken">{WORDS[tone]}: </span>
      {title !== undefined && <strong>{title}</strong>}
      {children !== undefined && <div className={styles.text}>{children}</div>}
    </div>
  );
}
