/** The page’s outermost part: who reads it, and the client that asks for them. */

import { useCallback, useMemo, useState, useSyncExternalStore, type ReactNode } from 'react';
import { Outlet } from '@tanstack/react-router';
import { Provider } from 'urql';

import { HubDocument } from '../../generated/operations';
import { FundsContext, ViewerContext } from '../fund/fund';
import { Notice } from '../parts/Notice';
import { Loading } from '../parts/Section';
import { useAnswer } from '../server/answer';
import { createHubClient } from '../server/client';
import { connections } from '../server/connection';
import { forgetToken, openSession } from '../session';
import styles from './Hub.module.css';
import { SessionContext } from './session';
import { SignIn } from './SignIn';

/** Asks for a token first, and again once it is no longer good. */
export function Hub(): ReactNode {
  const [token, setToken] = useState(() => openSession().token);
  const [expired, setExpired] = useState(false);
  const cutOff = useSyncExternalStore(connections.watch, connections.now) === 'expired';
  const client = useMemo(
    () =>
      createHubClient(
        () => token,
        () => {
          setExpired(true);
        },
      ),
    [token],
  );
  const signOut = useCallback(() => {
    forgetToken();
    setToken(null);
  }, []);
  const session = useMemo(() => ({ signOut }), [signOut]);
  if (token === null || expired || cutOff) {
    return (
      <SignIn
        expired={token !== null}
        onSignedIn={() => {
          connections.forget();
          setExpired(false);
          setToken(openSession().token);
        }}
      />
    );
  }
  return (
    <SessionContext value={session}>
      <Provider value={client}>
        <Signed />
      </Provider>
    </SessionContext>
  );
}

function Signed(): ReactNode {
  const { data, fault, again } = useAnswer(HubDocument, {});
  if (data !== undefined) {
    return (
      <ViewerContext value={data.viewer}>
        <FundsContext value={data.funds.nodes}>
          <Outlet />
        </FundsContext>
      </ViewerContext>
    );
  }
  return (
    <main className={styles.waiting}>
      {fault === undefined ? (
        <Loading />
      ) : (
        <Notice tone="bad" title={fault.title}>
          {fault.advice}{' '}
          <button type="button" onClick={again}>
            Try again
          </button>
        </Notice>
      )}
    </main>
  );
}
