/** The choice of a fund, for who has a part in more than one and came without a link to one. */

import { Link, Navigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { useFunds } from '../fund/fund';
import { moneyText } from '../parts/money';
import styles from './Hub.module.css';

/** The funds; the only one is opened at once. */
export function Funds(): ReactNode {
  const funds = useFunds();
  const chosen = funds.length === 1 ? funds[0]?.id : undefined;
  if (chosen !== undefined) {
    return <Navigate to="/funds/$fund/overview" params={{ fund: chosen }} replace />;
  }
  return (
    <main className={styles.waiting}>
      <h1>Funds</h1>
      {funds.length === 0 ? (
        <p className="soft">You have no part in any fund yet. Ask an administrator to give you a role in one.</p>
      ) : (
        <ul className={styles.funds}>
          {funds.map((fund) => (
            <li key={fund.id}>
              <Link to="/funds/$fund/overview" params={{ fund: fund.id }}>
                <strong>{fund.name}</strong>
                <span className="figure soft">
                  {fund.vintageYear} · {moneyText(fund.size, fund.currency)}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </main>
  );
}
