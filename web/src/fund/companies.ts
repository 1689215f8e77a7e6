/** The fund’s companies as of now, for choosing one and for naming them. */

import { useMemo } from 'react';

import { CompaniesDocument, type CompaniesQuery } from '../../generated/operations';
import { useAnswer } from '../server/answer';
import { useFund } from './fund';

export type KnownCompany = NonNullable<CompaniesQuery['fund']>['portfolioCompanies'][number];

const NONE: readonly KnownCompany[] = [];

/** Companies in the order of their names; empty until they are there. */
export function useCompanies(): readonly KnownCompany[] {
  const { id: fund } = useFund();
  const { data } = useAnswer(CompaniesDocument, { fund });
  return useMemo(() => data?.fund?.portfolioCompanies ?? NONE, [data]);
}
