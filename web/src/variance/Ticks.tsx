/** Boxes to tick. */

import type { ReactNode } from 'react';

import styles from './Rules.module.css';

/** Any number of choices, in the order they are offered. */
export function Ticks<Key extends string>(props: {
  choices: readonly (readonly [Key, string])[];
  chosen: readonly Key[];
  onChoose: (chosen: readonly Key[]) => void;
}): ReactNode {
  const { choices, chosen, onChoose } = props;
  return (
    <div className={styles.ticks}>
      {choices.map(([key, title]) => (
        <label key={key} className={styles.tick}>
          <input
            type="checkbox"
            checked={chosen.includes(key)}
            onChange={({ target }) => {
              onChoose(choices.map(([one]) => one).filter((one) => (one === key ? target.checked : chosen.includes(one))));
            }}
          />
          {title}
        </label>
      ))}
    </div>
  );
}
