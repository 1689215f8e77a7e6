/** The figures a partner asks for first. */

import type { ReactNode } from 'react';

import type { TotalsFragment } from '../../generated/operations';
import { Money, Multiple, Percent } from '../parts/Figure';
import styles from './KeyFigures.module.css';

export function KeyFigures({ state }: { state: TotalsFragment }): ReactNode {
  return (
    <dl className={styles.figures}>
      <Entry name="Net asset value">
        <Money amount={state.nav} />
      </Entry>
      <Entry name="Fair value">
        <Money amount={state.totalValue} />
      </Entry>
      <Entry name="Invested">
        <Money amount={state.totalInvested} />
      </Entry>
      <Entry name="Called">
        <Money amount={state.totalCalled} />
      </Entry>
      <Entry name="Distributed">
        <Money amount={state.totalDistributed} />
      </Entry>
      <Entry name="Cash">
        <Money amount={state.cash} />
      </Entry>
      <Entry name="Gross MOIC">
        <Multiple of={state.moic} />
      </Entry>
      <Entry name="TVPI">
        <Multiple of={state.tvpi} />
      </Entry>
      <Entry name="DPI">
        <Multiple of={state.dpi} />
      </Entry>
      <Entry name="Net IRR">
        <Percent of={state.irr} />
      </Entry>
    </dl>
  );
}

function Entry({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
