/** The top line: the fund, the connection, and the reader. */

import { Link, useNavigate } from '@tanstack/react-router';
import { useSyncExternalStore, type ReactNode } from 'react';

import { useFund, useFunds, useViewer } from '../fund/fund';
import mark from '../mark.svg';
import { connections, type Connection } from '../server/connection';
import styles from './Header.module.css';
import { useSession } from './session';
import { useTheme, type Theme } from './theme';

const CONNECTION: Record<Connection, string> = {
  idle: 'connecting',
  live: 'live',
  reconnecting: 'reconnecting',
  offline: 'offline',
  expired: 'signed out',
};
const ROLE = { VIEWER: 'viewer', ANALYST: 'analyst', MANAGER: 'manager', ADMIN: 'administrator' } as const;

/** Brand, fund picker, connection, account, theme, and the way to GraphiQL. */
export function Header(): ReactNode {
  const fund = useFund();
  const funds = useFunds();
  const navigate = useNavigate();
  return (
    <header className={styles.header}>
      <Link to="/" className={styles.brand} aria-label="Drypowder">
        <img src={mark} alt="" width="24" height="24" />
      </Link>
      <h1 className={styles.fund}>
        {funds.length > 1 ? (
          <select
            aria-label="Fund"
            value={fund.id}
            onChange={(event) => {
              void navigate({ to: '/funds/$fund/overview', params: { fund: event.target.value } });
            }}
          >
            {funds.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        ) : (
          fund.name
        )}
      </h1>
      <Live />
      <Account />
    </header>
  );
}

function Live(): ReactNode {
  const connection = useSyncExternalStore(connections.watch, connections.now);
  return (
    <p className={styles.live} role="status" data-connection={connection}>
      <span className={styles.dot} aria-hidden="true" />
      <span className="spoken">Connection: </span>
      {CONNECTION[connection]}
    </p>
  );
}

function Account(): ReactNode {
  const viewer = useViewer();
  const fund = useFund();
  const { signOut } = useSession();
  const [theme, setTheme] = useTheme();
  return (
    <details
      className={styles.account}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.currentTarget.open = false;
        }
      }}
      onBlur={(event) => {
        if (event.relatedTarget !== null && !event.currentTarget.contains(event.relatedTarget)) {
          event.currentTarget.open = false;
        }
      }}
    >
      <summary>
        <span className={styles.who}>{viewer.name ?? viewer.email}</span> <span className="soft">{ROLE[fund.role]}</span>
      </summary>
      <div className={styles.menu}>
        <p>
          {viewer.email}
          <br />
          <span className="soft">
            {fund.mayWrite ? `May record facts as ${ROLE[fund.role]}.` : 'Reads; records nothing.'}
          </span>
        </p>
        <label>
          Theme
          <select
            value={theme}
            onChange={(event) => {
              setTheme(event.target.value as Theme);
            }}
          >
            <option value="system">as the system</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
        <a id="graphiql" href={`/graphiql#fund=${fund.id}`}>
          GraphiQL
        </a>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </div>
    </details>
  );
}
