/** Everything about one fund: header, time bar, tabs, and the tab that is open. */

import { CatchBoundary, Link, Outlet, useLocation, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { LiveAlerts, UnreadBadge } from '../alerts/live';
import { FundContext, fundOf, useFund, useFunds, useViewer } from '../fund/fund';
import { LiveFund } from '../fund/live';
import { Banner } from '../moment/Banner';
import { MomentProvider } from '../moment/moment';
import { keptMoment } from '../moment/search';
import { TimeBar } from '../moment/TimeBar';
import { TABS } from '../tabs';
import styles from './FundPage.module.css';
import { Header } from './Header';
import { Broken, NoSuchFund } from './states';

/** One fund at one moment. */
export function FundPage(): ReactNode {
  const { fund: id } = useParams({ strict: false });
  const viewer = useViewer();
  const head = useFunds().find((fund) => fund.id === id);
  const { pathname } = useLocation();
  if (head === undefined) {
    return <NoSuchFund />;
  }
  return (
    <FundContext value={fundOf(head, viewer)} key={head.id}>
      <MomentProvider>
        <LiveFund fund={head.id} version={head.version}>
          <LiveAlerts>
            <title>{`${head.name}, ${titleOf(pathname)} · Drypowder`}</title>
            <a className={styles.skip} href="#content">
              Skip to the content
            </a>
            <div className={styles.top}>
              <Header />
              <TimeBar />
              <Banner />
              <Tabs />
            </div>
            <main id="content" tabIndex={-1} className={styles.content}>
              <CatchBoundary getResetKey={() => pathname} errorComponent={Broken}>
                <Outlet />
              </CatchBoundary>
            </main>
          </LiveAlerts>
        </LiveFund>
      </MomentProvider>
    </FundContext>
  );
}

function titleOf(pathname: string): string {
  return TABS.find(({ to }) => pathname.endsWith(to.slice(to.lastIndexOf('/'))))?.title ?? 'fund';
}

function Tabs(): ReactNode {
  const { mayWrite } = useFund();
  const tabs = TABS.filter((tab) => mayWrite || !('writers' in tab));
  return (
    <nav aria-label="Fund" className={styles.tabs}>
      {tabs.map(({ to, title }) => (
        <Link
          key={to}
          to={to}
          from="/funds/$fund"
          // What belongs to a tab stays behind.
          search={keptMoment}
          activeOptions={{ includeSearch: false }}
          activeProps={{ className: styles.active }}
        >
          {title}
          {to === '/funds/$fund/variance' && <UnreadBadge />}
        </Link>
      ))}
    </nav>
  );
}
