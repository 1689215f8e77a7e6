/** The form for an access token, and the state of one that is no longer good. */

import { useState, type ReactNode } from 'react';

import mark from '../mark.svg';
import { Notice } from '../parts/Notice';
import { keepToken } from '../session';
import styles from './SignIn.module.css';

/** Asks for a token; the address stays, so that whoever signs in sees what the link was about. */
export function SignIn({ expired, onSignedIn }: { expired: boolean; onSignedIn: () => void }): ReactNode {
  const [refused, setRefused] = useState(false);
  return (
    <main className={styles.page}>
      <img src={mark} alt="" width="40" height="40" />
      <h1>Drypowder</h1>
      <p className="soft">What a fund looked like on any day, as far as anyone knew it on any other day.</p>
      {expired && (
        <Notice tone="warn" title="You have been signed out">
          Your access token has expired or was revoked. Sign in with a new one to go on where you were.
        </Notice>
      )}
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          const token = new FormData(event.currentTarget).get('token');
          if (typeof token === 'string' && keepToken(token)) {
            onSignedIn();
          } else {
            setRefused(true);
          }
        }}
      >
        <label htmlFor="token">Access token</label>
        <input
          id="token"
          name="token"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          aria-invalid={refused || undefined}
          aria-describedby={refused ? 'refused' : 'token-hint'}
        />
        <button className="primary">Sign in</button>
        <p id="token-hint" className="soft">
          From whoever runs Drypowder for you, or by <code>drypowder token</code>. It is kept for this browser tab alone.
        </p>
        {refused && (
          <p id="refused" role="alert" className={styles.refused}>
            That is not a bearer token.
          </p>
        )}
      </form>
      <p>
        <a href="/graphiql">GraphiQL</a> · <a href="/healthz">Health</a>
      </p>
    </main>
  );
}
