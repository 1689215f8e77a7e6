/** Exact decimals: read, formatted and compared as the strings they arrive as, never by way of a float. */

const SPELLED = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** A decimal as a whole number of 10^-places; null if it has more places. */
function scaled(decimal: string, places: number): bigint | null {
  const found = SPELLED.exec(decimal);
  if (found === null) {
    return null;
  }
  const fraction = (found[3] ?? '').replace(/0+$/, '');
  if (fraction.length > places) {
    return null;
  }
  const size = BigInt(`${found[2] ?? ''}${fraction.padEnd(places, '0')}`);
  return found[1] === '-' ? -size : size;
}

function placesOf(decimal: string): number {
  return SPELLED.exec(decimal)?.[3]?.length ?? 0;
}

function spelled(size: bigint, places: number): string {
  const digits = String(size < 0n ? -size : size).padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  return `${size < 0n ? '-' : ''}${whole}${places > 0 ? `.${digits.slice(-places)}` : ''}`;
}

/** a − b, exactly. */
export function minus(a: string, b: string): string {
  const places = Math.max(placesOf(a), placesOf(b));
  return spelled((scaled(a, places) ?? 0n) - (scaled(b, places) ?? 0n), places);
}

/** a + b, exactly. */
export function plus(a: string, b: string): string {
  const places = Math.max(placesOf(a), placesOf(b));
  return spelled((scaled(a, places) ?? 0n) + (scaled(b, places) ?? 0n), places);
}

/** Negative, zero or positive, as a sorts before, with or after b. */
export function compareDecimals(a: string, b: string): number {
  const places = Math.max(placesOf(a), placesOf(b));
  const difference = (scaled(a, places) ?? 0n) - (scaled(b, places) ?? 0n);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** −1, 0 or 1. */
export function signOf(decimal: string): number {
  return compareDecimals(decimal, '0');
}

/** Without its sign. */
export function absolute(decimal: string): string {
  return decimal.replace(/^[+-]/, '');
}

const formats = new Map<string, Intl.NumberFormat>();

function format(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  const made = formats.get(key) ?? new Intl.NumberFormat('en', options);
  formats.set(key, made);
  return made;
}

/** The page writes − for a minus, as wide as a digit. */
function withMinus(text: string): string {
  return text.replace('-', '−');
}

// Intl takes decimals as strings exactly, which the type library says of literals alone.
function numeric(text: string): Intl.StringNumericLiteral {
  return text as Intl.StringNumericLiteral;
}

/** An amount in a currency, to the cent: $1,234,567.89. */
export function moneyText(amount: string, currency: string): string {
  return withMinus(format({ style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).format(numeric(amount)));
}

/** An amount in short, for axes and sentences where cents say nothing: $1.23M. */
export function shortMoney(amount: string | number, currency: string): string {
  const options = { style: 'currency', currency, currencyDisplay: 'narrowSymbol', notation: 'compact' } as const;
  const precise = format({ ...options, maximumSignificantDigits: 3 });
  return withMinus(precise.format(typeof amount === 'number' ? amount : numeric(amount)));
}

/** A decimal as it came, with thousands separated: 1,234.5. */
export function decimalText(text: string): string {
  return withMinus(format({ maximumFractionDigits: 20 }).format(numeric(text)));
}

/** A multiple: 1.53×. */
export function multipleText(multiple: number): string {
  return `${withMinus(format({ minimumFractionDigits: 2, maximumFractionDigits: 2 }).format(multiple))}×`;
}

/** A fraction as a percentage: 0.1312 is 13.1%. */
export function percentText(fraction: string | number, digits = 1): string {
  const options = { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  return withMinus(format(options).format(typeof fraction === 'number' ? fraction : numeric(fraction)));
}
