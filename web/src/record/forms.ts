/** The facts that people record most, and what each form asks for. */

import type { FundEventBody } from '../../generated/operations';

/** How a field is typed, read and shown. */
export type FieldKind =
  | 'money'
  /** Typed in percent, recorded as a fraction. */
  | 'share'
  | 'text'
  | 'flag'
  | 'day'
  | 'choice'
  /** A company that is active, or any. */
  | 'active'
  | 'company'
  | 'metric'
  /** A number in the unit of the form’s metric. */
  | 'figure'
  /** The version of an earlier report of the same figure. */
  | 'report'
  | 'periods';

export interface FieldSpec<Name extends string = string> {
  name: Name;
  label: string;
  kind: FieldKind;
  optional?: true;
  hint?: string;
  choices?: readonly (readonly [value: string, text: string])[];
}

export type BodyName = keyof FundEventBody;
type Fields<Name extends BodyName> = keyof NonNullable<FundEventBody[Name]> & string;

export interface FactSpec {
  body: BodyName;
  title: string;
  /** What it says of the fund. */
  about: string;
  fields: readonly FieldSpec[];
  /** What every fact of the form says. */
  fixed?: Readonly<Record<string, string>>;
}

/** A form whose fields are those of the fact’s input. */
function fact<Name extends BodyName>(
  body: Name,
  title: string,
  about: string,
  fields: readonly FieldSpec<Fields<Name>>[],
  fixed?: Readonly<Partial<Record<Fields<Name>, string>>>,
): FactSpec {
  return { body, title, about, fields, ...(fixed === undefined ? {} : { fixed: fixed as Record<string, string> }) };
}

const OWNERSHIP = 'The fund’s fully diluted share once the round closed.';

export const FORMS: readonly FactSpec[] = [
  fact('capitalCalled', 'Capital call', 'Investors were asked to pay in.', [
    { name: 'amount', label: 'Amount', kind: 'money', hint: 'From all investors together.' },
    { name: 'dueOn', label: 'Due on', kind: 'day', optional: true },
  ]),
  fact('distributionMade', 'Distribution', 'Money went back to the investors.', [
    { name: 'amount', label: 'Amount', kind: 'money', hint: 'To all investors together.' },
    { name: 'recallable', label: 'Recallable', kind: 'flag', hint: 'It can be called again, and counts as available.' },
  ]),
  fact('feeCharged', 'Fee', 'The fund paid a fee or an expense.', [
    { name: 'amount', label: 'Amount', kind: 'money' },
    { name: 'kind', label: 'What for', kind: 'text', optional: true, hint: 'Such as management or audit.' },
  ]),
  fact('companyAdded', 'Company', 'A company joined the portfolio.', [
    { name: 'companyId', label: 'Key', kind: 'text', hint: 'Your own key of the company, unique in the fund, such as acme.' },
    { name: 'name', label: 'Name', kind: 'text' },
    { name: 'sector', label: 'Sector', kind: 'text', optional: true },
    { name: 'stage', label: 'Stage', kind: 'text', optional: true },
  ]),
  fact('investmentMade', 'Investment', 'The fund wrote a cheque.', [
    { name: 'companyId', label: 'Company', kind: 'active' },
    { name: 'amount', label: 'Amount', kind: 'money' },
    { name: 'ownershipAfter', label: 'Ownership after', kind: 'share', optional: true, hint: OWNERSHIP },
    { name: 'fromReserves', label: 'From reserves', kind: 'flag', hint: 'A follow-on paid from what was reserved.' },
    { name: 'round', label: 'Round', kind: 'text', optional: true },
  ]),
  fact('roundPriced', 'Priced round', 'A company raised a priced round, with or without the fund.', [
    { name: 'companyId', label: 'Company', kind: 'active' },
    { name: 'stage', label: 'Stage', kind: 'text' },
    { name: 'preMoney', label: 'Pre-money', kind: 'money', hint: 'The whole company’s value before the round’s money.' },
    { name: 'roundSize', label: 'Round size', kind: 'money', hint: 'New money from all investors together.' },
    { name: 'ownershipAfter', label: 'Ownership after', kind: 'share', optional: true, hint: OWNERSHIP },
  ]),
  fact('valuationUpdated', 'Valuation', 'A company was valued anew.', [
    { name: 'companyId', label: 'Company', kind: 'active' },
    { name: 'newValue', label: 'Company value', kind: 'money', hint: 'The whole company’s.' },
    {
      name: 'fairValue',
      label: 'Fair value',
      kind: 'money',
      optional: true,
      hint: 'The holding’s, where it isn’t ownership × company value.',
    },
    { name: 'note', label: 'Note', kind: 'text', optional: true, hint: 'Why, or by whom.' },
  ]),
  fact('proceedsReceived', 'Proceeds', 'Money came back from a company.', [
    { name: 'companyId', label: 'Company', kind: 'company' },
    { name: 'amount', label: 'Amount', kind: 'money', hint: 'What the fund received.' },
    { name: 'kind', label: 'What for', kind: 'text', optional: true, hint: 'Such as exit or dividend.' },
  ]),
  fact('companyStatusChanged', 'Status', 'A company was exited, written off, or came back.', [
    { name: 'companyId', label: 'Company', kind: 'company' },
    {
      name: 'status',
      label: 'Status',
      kind: 'choice',
      choices: [
        ['EXITED', 'exited'],
        ['WRITTEN_OFF', 'written off'],
        ['ACTIVE', 'active'],
      ],
    },
    { name: 'note', label: 'Note', kind: 'text', optional: true },
  ]),
  fact('reserveAllocated', 'Reserve allocation', 'The fund planned how much it keeps for a company’s later rounds.', [
    { name: 'companyId', label: 'Company', kind: 'company' },
    { name: 'amount', label: 'Planned reserve', kind: 'money', hint: 'In all, what is deployed included; it replaces what was planned.' },
    { name: 'reason', label: 'Reason', kind: 'text', optional: true },
  ]),
  fact(
    'actualRecorded',
    'Actual figure',
    'A company reported a figure for a period.',
    [
      { name: 'companyId', label: 'Company', kind: 'company' },
      { name: 'metricType', label: 'Metric', kind: 'metric' },
      { name: 'value', label: 'Figure', kind: 'figure' },
      { name: 'periodStart', label: 'Period from', kind: 'day' },
      { name: 'periodEnd', label: 'Period to', kind: 'day', hint: 'Its last day, included.' },
      {
        name: 'supersedesVersion',
        label: 'Restates',
        kind: 'report',
        optional: true,
        hint: 'The earlier report of the same figure that this one corrects.',
      },
    ],
    { source: 'MANUAL' },
  ),
  fact('forecastCreated', 'Forecast', 'A company planned, or somebody expects, a metric over some periods.', [
    { name: 'companyId', label: 'Company', kind: 'company' },
    { name: 'metricType', label: 'Metric', kind: 'metric' },
    {
      name: 'kind',
      label: 'Made as',
      kind: 'choice',
      choices: [
        ['REFORECAST', 'a newer expectation'],
        ['BUDGET', 'the year’s agreed plan'],
        ['UNDERWRITE', 'what the fund assumed when it invested'],
      ],
    },
    { name: 'periods', label: 'Periods', kind: 'periods', hint: 'That don’t overlap.' },
  ]),
];

export function formOf(body: string | undefined): FactSpec {
  const found = FORMS.find((form) => form.body === body) ?? FORMS[0];
  if (found === undefined) {
    throw new Error('there are forms');
  }
  return found;
}
