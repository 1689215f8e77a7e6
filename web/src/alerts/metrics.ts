/** The figures that companies plan and report: their names, and how each is written. */

import type { MetricType } from '../../generated/operations';

type Unit = 'money' | 'percent' | 'months' | 'heads';

const METRICS: Record<MetricType, { title: string; unit: Unit }> = {
  REVENUE: { title: 'Revenue', unit: 'money' },
  ARR: { title: 'ARR', unit: 'money' },
  EBITDA: { title: 'EBITDA', unit: 'money' },
  CASH_BURN: { title: 'Cash burn', unit: 'money' },
  CASH: { title: 'Cash', unit: 'money' },
  RUNWAY_MONTHS: { title: 'Runway', unit: 'months' },
  GROSS_MARGIN: { title: 'Gross margin', unit: 'percent' },
  CHURN: { title: 'Churn', unit: 'percent' },
  VALUATION: { title: 'Valuation', unit: 'money' },
  HEADCOUNT: { title: 'Headcount', unit: 'heads' },
};

/** Every metric, in the order people read them. */
export const METRIC_TYPES = Object.keys(METRICS) as MetricType[];

export function metricTitle(metric: MetricType): string {
  return METRICS[metric].title;
}

/** A metric within a sentence: revenue, EBITDA. */
export function metricWord(metric: MetricType): string {
  const title = metricTitle(metric);
  return title === title.toUpperCase() ? title : title.toLowerCase();
}

const formats = new Map<string, Intl.NumberFormat>();

// `roundingMode` and `trailingZeroDisplay` are newer than the library's types.
function format(options: object): Intl.NumberFormat {
  const key = JSON.stringify(options);
  const made = formats.get(key) ?? new Intl.NumberFormat('en', options);
  formats.set(key, made);
  return made;
}

function written(text: string, options: object): string {
  return format(options).format(text as Intl.StringNumericLiteral).replace('-', '−');
}

/** A figure in its own unit, with all its digits: $2,105,000 or 4.5 months. */
export function figureText(metric: MetricType, value: string, currency: string, { signed = false } = {}): string {
  const sign = signed ? 'exceptZero' : 'auto';
  switch (METRICS[metric].unit) {
    case 'money':
      return written(value, {
        style: 'currency',
        currency,
        currencyDisplay: 'narrowSymbol',
        trailingZeroDisplay: 'stripIfInteger',
        minimumFractionDigits: 2,
        maximumFractionDigits: 20,
        signDisplay: sign,
      });
    case 'percent':
      return `${written(value, { maximumFractionDigits: 20, signDisplay: sign })}${signed ? ' points' : '%'}`;
    case 'months':
      return `${written(value, { maximumFractionDigits: 20, signDisplay: sign })} months`;
    case 'heads':
      return written(value, { maximumFractionDigits: 20, signDisplay: sign });
  }
}

/** A difference in short, for a cell of the heat map: +$1.25M. */
export function shortDifference(metric: MetricType, value: string, currency: string): string {
  if (METRICS[metric].unit !== 'money') {
    return figureText(metric, value, currency, { signed: true });
  }
  return written(value, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    notation: 'compact',
    maximumSignificantDigits: 3,
    signDisplay: 'exceptZero',
  });
}

/** A variance in percent, to the tenth below: what is short of a threshold must look so. */
export function variancePercentText(percent: string): string {
  return `${written(percent, { minimumFractionDigits: 1, maximumFractionDigits: 1, roundingMode: 'trunc', signDisplay: 'exceptZero' })}%`;
}
