/** What stands in place of a page or a tab that can’t be shown. */

import { Link, type ErrorComponentProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { Notice } from '../parts/Notice';
import styles from './Hub.module.css';

/** A tab that broke; the others still work. */
export function Broken({ error, reset }: ErrorComponentProps): ReactNode {
  return (
    <Notice tone="bad" title="This tab broke">
      {error instanceof Error ? error.message : String(error)} The other tabs still work; loading the page anew often helps.{' '}
      <button type="button" onClick={reset}>
        Try again
      </button>
    </Notice>
  );
}

/** A fund that doesn’t exist, or that the reader has no part in: the server doesn’t tell these apart. */
export function NoSuchFund(): ReactNode {
  return (
    <main className={styles.waiting}>
      <h1>No such fund</h1>
      <p className="soft">
        It doesn’t exist, or you have no part in it. Ask whoever sent you the link to give you a role in the fund, or{' '}
        <Link to="/">choose another</Link>.
      </p>
    </main>
  );
}

/** An address that leads nowhere. */
export function NotFound(): ReactNode {
  return (
    <main className={styles.waiting}>
      <h1>Nothing here</h1>
      <p className="soft">
        This address leads nowhere. <Link to="/">Go to the funds</Link>.
      </p>
    </main>
  );
}
