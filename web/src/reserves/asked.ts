/** Options of a run as a form has them, and as the API takes them. */

import type { ReserveMode, ReserveOptions, ReserveRankBy, ReserveStrategy, RunAskedQuery } from '../../generated/operations';
import type { Refusal } from '../parts/Field';

/** The options of a run, as the fact has them that asked for it. */
export type Options = Extract<RunAskedQuery['timeline']['nodes'][number], { runId: string }>['options'];

/** Figures as they are typed: amounts in the fund's currency, shares in percent. */
export interface Asked {
  recommended: ReserveStrategy;
  compared: readonly ReserveStrategy[];
  mode: ReserveMode;
  rankBy: ReserveRankBy;
  iterations: string;
  seed: string;
  incrementalAmount: string;
  pool: string;
  minCheck: string;
  maxPerCompany: string;
  maxPerCompanyShare: string;
  maxPoolShare: string;
  marketCorrelation: string;
  discountRate: string;
  confidenceLevel: string;
  worstFivePercentFloor: string;
  maxPerStage: readonly { stage: string; max: string }[];
  commitments: readonly { companyId: string; amount: string }[];
  excludedCompanyIds: readonly string[];
}

export const STRATEGIES: readonly ReserveStrategy[] = ['OPTIMAL', 'PRIORITY_GREEDY', 'HEURISTIC'];

/** The API's own defaults, but for the strategies: the page compares all of them. */
export const DEFAULTS: Asked = {
  recommended: 'OPTIMAL',
  compared: STRATEGIES,
  mode: 'RING_FENCED',
  rankBy: 'FOLLOW_ON_MULTIPLE',
  iterations: '',
  seed: '',
  incrementalAmount: '1000000',
  pool: '',
  minCheck: '',
  maxPerCompany: '',
  maxPerCompanyShare: '15',
  maxPoolShare: '20',
  marketCorrelation: '0.3',
  discountRate: '',
  confidenceLevel: '95',
  worstFivePercentFloor: '',
  maxPerStage: [],
  commitments: [],
  excludedCompanyIds: [],
};

/** A percentage as the fraction it stands for, exactly: 12.5 is 0.125. */
export function fractionOf(percent: string): string {
  const [whole = '', rest = ''] = percent.split('.');
  const digits = whole.padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}${rest}`;
}

/** The other way round: 0.125 is 12.5. */
export function percentOf(fraction: string): string {
  const [whole = '', rest = ''] = fraction.split('.');
  const digits = rest.padEnd(2, '0');
  const places = digits.slice(2).replace(/0+$/, '');
  return `${`${whole}${digits.slice(0, 2)}`.replace(/^0+(?=\d)/, '')}${places === '' ? '' : `.${places}`}`;
}

/** What was asked before, as the form has it. */
export function askedAgain(options: Options): Asked {
  const [recommended = 'OPTIMAL'] = options.strategies;
  return {
    recommended,
    compared: options.strategies,
    mode: options.mode,
    rankBy: options.rankBy,
    iterations: String(options.iterations),
    seed: String(options.seed),
    incrementalAmount: options.incrementalAmount,
    pool: options.pool ?? '',
    minCheck: options.minCheck ?? '',
    maxPerCompany: options.maxPerCompany ?? '',
    maxPerCompanyShare: percentOf(options.maxPerCompanyShare),
    maxPoolShare: percentOf(options.maxPoolShare),
    marketCorrelation: options.marketCorrelation,
    discountRate: options.discountRate === null ? '' : percentOf(options.discountRate),
    confidenceLevel: percentOf(options.confidenceLevel),
    worstFivePercentFloor: options.worstFivePercentFloor ?? '',
    maxPerStage: options.maxPerStage,
    commitments: options.commitments,
    excludedCompanyIds: options.excludedCompanyIds,
  };
}

/** What the API is to be asked, or what can't be read, each by its path. */
export function optionsOf(asked: Asked): { options: ReserveOptions; refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const read = (typed: string, pattern: RegExp, advice: string, ...path: string[]): string | undefined => {
    const text = typed.replaceAll(/[,\s]/g, '');
    if (text !== '' && !pattern.test(text)) {
      refusals.push({ code: 'UNREADABLE', message: advice, path });
    }
    return text === '' ? undefined : text;
  };
  const amount = (typed: string, ...path: string[]): string | undefined =>
    read(typed, /^\d+(\.\d{1,2})?$/, 'Write an amount such as 250,000 or 250000.50.', ...path);
  const whole = (typed: string, ...path: string[]): number | undefined => {
    const text = read(typed, /^\d{1,9}$/, 'Write a whole number.', ...path);
    return text === undefined ? undefined : Number(text);
  };
  const decimal = (typed: string, ...path: string[]): string | undefined =>
    read(typed, /^\d+(\.\d+)?$/, 'Write a number such as 12.5.', ...path);
  const share = (typed: string, ...path: string[]): string | undefined => {
    const text = decimal(typed, ...path);
    return text === undefined || refusals.some(({ path: refused }) => refused?.join('.') === path.join('.')) ? undefined : fractionOf(text);
  };
  const needed = (text: string | undefined, ...path: string[]): string => {
    if (text === undefined) {
      refusals.push({ code: 'MISSING', message: 'Write an amount, or take the line away.', path });
    }
    return text ?? '0';
  };
  const options: ReserveOptions = given({
    strategies: [asked.recommended, ...STRATEGIES.filter((one) => one !== asked.recommended && asked.compared.includes(one))],
    mode: asked.mode,
    rankBy: asked.rankBy,
    iterations: whole(asked.iterations, 'iterations'),
    seed: whole(asked.seed, 'seed'),
    incrementalAmount: amount(asked.incrementalAmount, 'incrementalAmount'),
    pool: amount(asked.pool, 'pool'),
    minCheck: amount(asked.minCheck, 'minCheck'),
    maxPerCompany: amount(asked.maxPerCompany, 'maxPerCompany'),
    maxPerCompanyShare: share(asked.maxPerCompanyShare, 'maxPerCompanyShare'),
    maxPoolShare: share(asked.maxPoolShare, 'maxPoolShare'),
    marketCorrelation: decimal(asked.marketCorrelation, 'marketCorrelation'),
    discountRate: share(asked.discountRate, 'discountRate'),
    confidenceLevel: share(asked.confidenceLevel, 'confidenceLevel'),
    worstFivePercentFloor: amount(asked.worstFivePercentFloor, 'worstFivePercentFloor'),
    maxPerStage: asked.maxPerStage.map(({ stage, max }, place) => {
      const path = ['maxPerStage', String(place), 'max'];
      return { stage, max: needed(amount(max, ...path), ...path) };
    }),
    commitments: asked.commitments.map(({ companyId, amount: typed }, place) => {
      const path = ['commitments', String(place), 'amount'];
      return { companyId, amount: needed(amount(typed, ...path), ...path) };
    }),
    excludedCompanyIds: asked.excludedCompanyIds,
  });
  return { options, refusals };
}

/** Without what was left out. */
function given(options: ReserveOptions): ReserveOptions {
  return Object.fromEntries(Object.entries(options).filter(([, option]) => option !== undefined));
}
