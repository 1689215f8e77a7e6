/** “What is this?”: what figures mean, a click away from them. */

import type { ReactNode } from 'react';

import styles from './Meaning.module.css';

export type Term = readonly [name: string, meaning: string];

/** A disclosure with the meaning of each figure, in the glossary's words. */
export function Meaning({ of, terms }: { of: string; terms: readonly Term[] }): ReactNode {
  return (
    <details className={styles.meaning}>
      <summary>
        What is this?<span className="spoken"> The figures of {of}</span>
      </summary>
      <dl>
        {terms.map(([name, meaning]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
