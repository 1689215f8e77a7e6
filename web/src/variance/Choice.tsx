/** A choice of a few that are all in sight. */

import type { ReactNode } from 'react';

import styles from './Choice.module.css';

/** Buttons of which one is pressed. */
export function Choice<Key extends string>(props: {
  label: string;
  choices: readonly (readonly [Key, ReactNode])[];
  chosen: Key;
  onChoose: (key: Key) => void;
}): ReactNode {
  const { label, choices, chosen, onChoose } = props;
  return (
    <div role="group" aria-label={label} className={styles.choice}>
      {choices.map(([key, title]) => (
        <button
          key={key}
          type="button"
          aria-pressed={key === chosen}
          onClick={() => {
            onChoose(key);
          }}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
