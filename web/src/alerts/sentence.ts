/** An alert in a line. */

import type { AlertHeadFragment } from '../../generated/operations';
import { figureText, metricTitle, variancePercentText } from './metrics';
import { periodText } from './period';

/** How a figure came out, in a few words: −37.1%, −$1,245,000 worse. */
export function outcomeText({ kind, metricType, details }: AlertHeadFragment, currency: string): string {
  if (kind === 'MISSING_ACTUAL' || details.variance === null) {
    return 'overdue';
  }
  const difference = figureText(metricType, details.variance, currency, { signed: true });
  const word = details.favourable === null ? '' : details.favourable ? ' better' : ' worse';
  return `${details.variancePercent === null ? '' : `${variancePercentText(details.variancePercent)}, `}${difference}${word}`;
}

/** Company, figure and period. */
export function subjectText({ company, metricType, details }: AlertHeadFragment): string {
  return `${company.name} · ${metricTitle(metricType)} · ${periodText(details)}`;
}
