/** Figures as they stand on the page: exact, aligned, and with signs that are heard as well as seen. */

import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { absolute, moneyText, multipleText, percentText, shortMoney, signOf } from './money';

const NONE = '–';

/** Any figure: aligned digits, and the words “minus” or “none” for who listens. */
export function Figure({ text, none = 'none' }: { text: string | null; none?: string }): ReactNode {
  if (text === null) {
    return (
      <span className="figure soft">
        <span aria-hidden="true">{NONE}</span>
        <span className="spoken">{none}</span>
      </span>
    );
  }
  if (text.startsWith('−')) {
    return (
      <span className="figure">
        <span aria-hidden="true">−</span>
        <span className="spoken">minus </span>
        {text.slice(1)}
      </span>
    );
  }
  return <span className="figure">{text}</span>;
}

/** An amount in the fund’s currency: exact to the cent, or in short (`short`) with the exact amount as its title. */
export function Money({ amount, short = false }: { amount: string | null; short?: boolean }): ReactNode {
  const { currency } = useFund();
  if (amount === null) {
    return <Figure text={null} />;
  }
  return short ? (
    <span title={moneyText(amount, currency)}>
      <Figure text={shortMoney(amount, currency)} />
    </span>
  ) : (
    <Figure text={moneyText(amount, currency)} />
  );
}

/** A multiple, such as 1.53×. */
export function Multiple({ of }: { of: number | null }): ReactNode {
  return <Figure text={of === null ? null : multipleText(of)} />;
}

/** A fraction as a percentage: an ownership, a rate of return. */
export function Percent({ of, digits = 1 }: { of: string | number | null; digits?: number }): ReactNode {
  return <Figure text={of === null ? null : percentText(of, digits)} />;
}

/** A change with its direction in a sign and in words; `good` says which direction is good news. */
export function Change({ sign, text, good = 'up' }: { sign: number; text: string; good?: 'up' | 'down' | 'neither' }): ReactNode {
  if (sign === 0) {
    return <span className="figure soft">unchanged</span>;
  }
  const up = sign > 0;
  const tone = good === 'neither' ? 'soft' : (good === 'up') === up ? 'good' : 'bad';
  return (
    <span className={`figure change-${tone}`}>
      <span aria-hidden="true">{up ? '▲' : '▼'} </span>
      <span className="spoken">{up ? 'up by ' : 'down by '}</span>
      {text}
    </span>
  );
}

/** The change of an amount, exact to the cent or in short. */
export function MoneyChange({ by, good, short = false }: { by: string; good?: 'up' | 'down' | 'neither'; short?: boolean }): ReactNode {
  const { currency } = useFund();
  const size = absolute(by);
  const text = short ? shortMoney(size, currency) : moneyText(size, currency);
  return <Change sign={signOf(by)} text={text} {...(good === undefined ? {} : { good })} />;
}
