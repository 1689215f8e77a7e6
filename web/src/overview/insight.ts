/** Insights as rules over figures: each says something only where the figures do. */

import type { GlanceQuery, MetricType, RecentVariancesQuery } from '../../generated/operations';
import { metricWord } from '../alerts/metrics';
import { dayText } from '../moment/instant';
import { absolute, decimalText, minus, moneyText, multipleText, percentText, plus, shortMoney, signOf } from '../parts/money';
import type { Tone } from '../parts/Notice';
import { HIGH_MULTIPLE } from '../reserves/words';
import type { TabName } from '../tabs';
import type { Mover } from './Movers';

export interface Insight {
  tone: Tone;
  title: string;
  text: string;
  /** The tab that shows where it comes from. */
  evidence: TabName;
  /** What that tab is to show. */
  search: Record<string, unknown>;
}

interface Figures {
  state: NonNullable<GlanceQuery['fund']>;
  movers: readonly Mover[];
  variances: RecentVariancesQuery['variances']['nodes'];
  since: string;
  currency: string;
}

/** A miss of less, in the fund’s currency, is no matter for partners. */
const MATERIAL = 100_000;
const IN_MONEY: ReadonlySet<MetricType> = new Set(['REVENUE', 'EBITDA', 'CASH_BURN', 'ARR']);
/** A holding of more of the fair value is a concentration. */
const CONCENTRATED = 0.2;

/** All that stands out, the bad news first. */
export function insightsOf(figures: Figures): Insight[] {
  const rules = [behindPlan, moved, capital, opportunities, concentration];
  const order: readonly Tone[] = ['bad', 'warn', 'good', 'info'];
  return rules
    .map((rule) => rule(figures))
    .filter((insight) => insight !== null)
    .toSorted((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone));
}

function behindPlan({ variances }: Figures): Insight | null {
  const [worst] = variances
    .filter(({ favourable, variancePercent, variance, metricType }) => {
      const material = IN_MONEY.has(metricType) && Math.abs(Number(variance)) >= MATERIAL;
      return favourable === false && variancePercent !== null && material;
    })
    .toSorted((a, b) => Math.abs(Number(b.variancePercent)) - Math.abs(Number(a.variancePercent)));
  if (worst === undefined || worst.actual === null || worst.forecast === null) {
    return null;
  }
  const percent = decimalText(absolute(worst.variancePercent ?? '0').replace(/\.(\d).*$/, '.$1'));
  return {
    tone: 'bad',
    title: `${worst.company.name} is furthest from plan`,
    text: `Its ${metricWord(worst.metricType)} was ${decimalText(worst.actual)} against a forecast of ${decimalText(worst.forecast)}, ${percent}% worse, from ${dayText(worst.periodStart)} to ${dayText(worst.periodEnd)}${worst.flags.includes('BACKDATED') ? '; that forecast was recorded later' : ''}.`,
    evidence: 'variance',
    search: { company: worst.company.companyId, metric: worst.metricType, late: true },
  };
}

function moved({ movers, since, currency }: Figures): Insight | null {
  const [first] = movers;
  if (first === undefined) {
    return null;
  }
  const up = signOf(first.change) > 0;
  const invested = signOf(first.invested) === 0 ? '' : `, with ${shortMoney(first.invested, currency)} newly invested`;
  return {
    tone: up ? 'good' : 'bad',
    title: `${first.name} moved most`,
    text: `Its fair value went ${up ? 'up' : 'down'} by ${moneyText(absolute(first.change), currency)} since ${since}, to ${moneyText(first.after, currency)}${invested}.`,
    evidence: 'time',
    search: { company: first.companyId },
  };
}

function capital({ state, currency }: Figures): Insight | null {
  const uncalled = minus(state.totalCommitted, state.totalCalled);
  const toDeploy = minus(state.plannedReserves, state.deployedReserves);
  if (signOf(toDeploy) <= 0) {
    return null;
  }
  const left = minus(uncalled, toDeploy);
  const short = signOf(left) < 0;
  return {
    tone: short ? 'warn' : 'info',
    title: short ? 'Planned reserves exceed uncalled capital' : 'Uncalled capital covers the planned reserves',
    text: `${shortMoney(uncalled, currency)} can still be called, and ${shortMoney(toDeploy, currency)} of reserves are still to be deployed: ${shortMoney(absolute(left), currency)} ${short ? 'are missing' : 'are left'}.`,
    evidence: 'reserves',
    search: {},
  };
}

function opportunities({ state, currency }: Figures): Insight | null {
  const high = (state.latestRecommendation?.recommendations ?? []).filter(({ followOnMultiple }) => followOnMultiple > HIGH_MULTIPLE);
  const [best] = high;
  if (best === undefined) {
    return null;
  }
  const total = high.map(({ recommendedAllocation }) => recommendedAllocation).reduce(plus, '0.00');
  const who = high.length === 1 ? best.companyName : `${high.length} companies, ${best.companyName} first`;
  return {
    tone: 'good',
    title: `A follow-on dollar earns more than ${HIGH_MULTIPLE.toFixed(1)}×`,
    text: `In ${who}, at an expected ${multipleText(best.followOnMultiple)}; ${shortMoney(total, currency)} of reserves are recommended for ${high.length === 1 ? 'it' : 'them'}.`,
    evidence: 'reserves',
    search: { company: best.companyId },
  };
}

function concentration({ state, currency }: Figures): Insight | null {
  const [largest] = state.portfolioCompanies;
  const total = Number(state.totalValue);
  const share = largest === undefined || total === 0 ? 0 : Number(largest.fairValue) / total;
  if (largest === undefined || share < CONCENTRATED) {
    return null;
  }
  return {
    tone: 'info',
    title: `${largest.name} is ${percentText(share, 0)} of the fair value`,
    text: `${moneyText(largest.fairValue, currency)} of ${moneyText(state.totalValue, currency)} hang on one company.`,
    evidence: 'time',
    search: { company: largest.companyId },
  };
}
