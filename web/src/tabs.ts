/** The tabs of a fund, in their order. A tab has its route in router.tsx and its line here; `writers` is for who records alone. */

/** The last part of a tab’s address. */
export type TabName = 'overview' | 'time' | 'variance' | 'reserves' | 'record';

export const TABS = [
  { to: '/funds/$fund/overview', title: 'Overview' },
  { to: '/funds/$fund/time', title: 'Time machine' },
  { to: '/funds/$fund/variance', title: 'Variance' },
  { to: '/funds/$fund/reserves', title: 'Optimal reserves' },
  { to: '/funds/$fund/record', title: 'Recording', writers: true },
] as const;
