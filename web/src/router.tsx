/** The addresses of the page. The moment, the fund and the tab are in them, the token never is. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';

import { FundPage } from './layout/FundPage';
import { Funds } from './layout/Funds';
import { Hub } from './layout/Hub';
import { Broken, NotFound } from './layout/states';
import { momentSearch } from './moment/search';
import { Loading } from './parts/Section';
import { recordSearch } from './record/search';
import { reservesSearch } from './reserves/search';
import { timeSearch } from './time/search';
import { varianceSearch } from './variance/search';

const root = createRootRoute({ component: Hub, notFoundComponent: NotFound });

const funds = createRoute({ getParentRoute: () => root, path: '/', component: Funds });

const fund = createRoute({
  getParentRoute: () => root,
  path: '/funds/$fund',
  validateSearch: momentSearch,
  component: FundPage,
});

const first = createRoute({
  getParentRoute: () => fund,
  path: '/',
  beforeLoad: ({ params, search }) => {
    // A redirect is thrown, as the router has it.
    // oxlint-disable-next-line typescript/only-throw-error
    throw redirect({ to: '/funds/$fund/overview', params, search, replace: true });
  },
});

const overview = createRoute({
  getParentRoute: () => fund,
  path: '/overview',
  component: lazyRouteComponent(() => import('./overview/Overview'), 'Overview'),
});

const time = createRoute({
  getParentRoute: () => fund,
  path: '/time',
  validateSearch: timeSearch,
  component: lazyRouteComponent(() => import('./time/Time'), 'Time'),
});

const variance = createRoute({
  getParentRoute: () => fund,
  path: '/variance',
  validateSearch: varianceSearch,
  component: lazyRouteComponent(() => import('./variance/Variance'), 'Variance'),
});

const reserves = createRoute({
  getParentRoute: () => fund,
  path: '/reserves',
  validateSearch: reservesSearch,
  component: lazyRouteComponent(() => import('./reserves/Reserves'), 'Reserves'),
});

const record = createRoute({
  getParentRoute: () => fund,
  path: '/record',
  validateSearch: recordSearch,
  component: lazyRouteComponent(() => import('./record/Record'), 'Record'),
});

export const router = createRouter({
  routeTree: root.addChildren([funds, fund.addChildren([first, overview, time, variance, reserves, record])]),
  defaultPreload: 'intent',
  defaultPendingComponent: Loading,
  defaultErrorComponent: Broken,
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
