/** The variance tab: figures against their forecasts, the alerts about them, and the rules that raise these. */

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { UnreadBadge } from '../alerts/live';
import { Alerts } from './Alerts';
import { useVarianceSearch } from './choose';
import { Figures } from './Figures';
import { Rules } from './Rules';
import type { VarianceSearch, View } from './search';
import styles from './Variance.module.css';

const VIEWS: readonly { view: View; title: string }[] = [
  { view: 'figures', title: 'Figures' },
  { view: 'alerts', title: 'Alerts' },
  { view: 'rules', title: 'Rules' },
];

/** Figures are what the tab opens with. */
function withView(search: VarianceSearch, view: View): VarianceSearch {
  const changed: VarianceSearch = { ...search, view };
  if (view === 'figures') {
    delete changed.view;
  }
  return changed;
}

export function Variance(): ReactNode {
  const { view = 'figures' } = useVarianceSearch();
  return (
    <>
      <nav aria-label="Variance" className={styles.views}>
        {VIEWS.map((one) => (
          <Link
            key={one.view}
            to="/funds/$fund/variance"
            from="/funds/$fund/variance"
            search={(before) => withView(before, one.view)}
            activeOptions={{ exact: true, includeSearch: true }}
          >
            {one.title}
            {one.view === 'alerts' && <UnreadBadge />}
          </Link>
        ))}
      </nav>
      {view === 'figures' ? <Figures /> : view === 'alerts' ? <Alerts /> : <Rules />}
    </>
  );
}
