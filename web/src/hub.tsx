/** The Analytics Hub: the page that partners look at, on the public API alone. */

import './hub.css';

import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';

import { wearStored } from './layout/theme';
import { router } from './router';
import { openSession, reloadOnNewLink } from './session';

wearStored();
// Before the router goes anywhere: the token must never be in an address that is kept.
const { fund } = openSession();
reloadOnNewLink();
if (fund !== null && location.pathname === '/') {
  // At once, so that the tab is on its way while the server is asked who reads.
  router.history.replace(`/funds/${encodeURIComponent(fund)}/overview`);
}

const place = document.getElementById('root');
if (place === null) {
  throw new Error('index.html has no element with the id root');
}
createRoot(place).render(<RouterProvider router={router} />);
