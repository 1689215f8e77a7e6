/** The Analytics Hub: the page that partners look at, on the public API alone. */

import './hub.css';

import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';

import { nameFund } from './layout/opened';
import { wearStored } from './layout/theme';
import { router } from './router';
import { openSession, reloadOnNewLink } from './session';

wearStored();
// Before the router reads the address: the token must never be in one that is kept.
nameFund(openSession().fund);
reloadOnNewLink();

const place = document.getElementById('root');
if (place === null) {
  throw new Error('index.html has no element with the id root');
}
createRoot(place).render(<RouterProvider router={router} />);
