/** The columns of a pasted table, those of `drypowder import`, and the fields of facts that they fill. */

import type { FundEventBody } from '../../generated/operations';
import { fractionIn, moneyIn, type Reading } from './reading';

export const COLUMNS = [
  'occurred_on',
  'type',
  'company_id',
  'company_name',
  'sector',
  'stage',
  'amount',
  'pre_money',
  'round_size',
  'ownership_after',
  'note',
] as const;
export type ColumnName = (typeof COLUMNS)[number];

interface ColumnUse {
  column: ColumnName;
  field: string;
  needed?: true;
}

export interface TypeUse {
  body: keyof FundEventBody;
  uses: readonly ColumnUse[];
  /** A yes or no that the note says by one word. */
  flag?: { field: string; yes: string; no?: string };
}

const company: ColumnUse = { column: 'company_id', field: 'companyId', needed: true };
const amount: ColumnUse = { column: 'amount', field: 'amount', needed: true };
const share: ColumnUse = { column: 'ownership_after', field: 'ownershipAfter' };

/** What each type takes of which column. */
export const TYPES: Readonly<Record<string, TypeUse>> = {
  CAPITAL_CALLED: { body: 'capitalCalled', uses: [amount] },
  DISTRIBUTION_MADE: { body: 'distributionMade', uses: [amount], flag: { field: 'recallable', yes: 'recallable' } },
  FEE_CHARGED: { body: 'feeCharged', uses: [amount, { column: 'note', field: 'kind' }] },
  COMPANY_ADDED: {
    body: 'companyAdded',
    uses: [
      company,
      { column: 'company_name', field: 'name', needed: true },
      { column: 'sector', field: 'sector' },
      { column: 'stage', field: 'stage' },
    ],
  },
  INVESTMENT_MADE: {
    body: 'investmentMade',
    uses: [company, amount, share, { column: 'stage', field: 'round' }],
    flag: { field: 'fromReserves', yes: 'reserves', no: 'initial' },
  },
  ROUND_PRICED: {
    body: 'roundPriced',
    uses: [
      company,
      { column: 'stage', field: 'stage', needed: true },
      { column: 'pre_money', field: 'preMoney', needed: true },
      { column: 'round_size', field: 'roundSize', needed: true },
      share,
    ],
  },
  VALUATION_UPDATED: {
    body: 'valuationUpdated',
    uses: [company, { column: 'amount', field: 'newValue', needed: true }, { column: 'note', field: 'note' }],
  },
  PROCEEDS_RECEIVED: { body: 'proceedsReceived', uses: [company, amount, { column: 'note', field: 'kind' }] },
  COMPANY_STATUS_CHANGED: {
    body: 'companyStatusChanged',
    uses: [company, { column: 'note', field: 'status', needed: true }],
  },
  RESERVE_ALLOCATED: { body: 'reserveAllocated', uses: [company, amount, { column: 'note', field: 'reason' }] },
};

const STATUSES = ['EXITED', 'WRITTEN_OFF', 'ACTIVE'];

/** A cell as its field takes it. */
export function cellIn(field: string, column: ColumnName, text: string): Reading<string> {
  switch (column) {
    case 'amount':
    case 'pre_money':
    case 'round_size':
      return moneyIn(text);
    case 'ownership_after':
      return fractionIn(text);
    case 'note':
      return field === 'status' && !STATUSES.includes(text) ? { wrong: `Write one of ${STATUSES.join(', ')}.` } : { value: text };
    case 'occurred_on':
    case 'type':
    case 'company_id':
    case 'company_name':
    case 'sector':
    case 'stage':
      return { value: text };
  }
}

/** The column that a refusal’s field was read from. */
export function columnOf(type: string, field: string | undefined): ColumnName | null {
  if (field === 'occurredAt') {
    return 'occurred_on';
  }
  return TYPES[type]?.uses.find((use) => use.field === field)?.column ?? null;
}
