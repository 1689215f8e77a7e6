/** What people type or paste, read as the API takes it: exact decimals as strings, days as instants. */

import { atLocal, isDay, startOfDay } from '../moment/instant';

/** What was read, or why it can’t be. */
export type Reading<Value> = { value: Value } | { wrong: string };

const NUMBER = /^(-?)(\d+)(?:\.(\d*))?$/;
/** What spreadsheets put around and into numbers: currency signs, thousands, spaces, a true minus. */
const DECORATION = /[$€£¥\s,'’]/g;

function bare(text: string): string {
  return text.replace(DECORATION, '').replace('−', '-');
}

/** An amount of money with at most two decimals: “2,500,000.00” is 2500000.00. */
export function moneyIn(text: string): Reading<string> {
  const found = NUMBER.exec(bare(text));
  if (found === null) {
    return { wrong: 'This isn’t an amount of money. Write digits with at most two decimals, such as 1,250,000.00.' };
  }
  const [, sign = '', whole = '', cents = ''] = found;
  if (cents.length > 2 && /[1-9]/.test(cents.slice(2))) {
    return { wrong: 'Money has at most two decimals.' };
  }
  return { value: `${sign}${whole.replace(/^0+(?=\d)/, '')}.${cents.slice(0, 2).padEnd(2, '0')}` };
}

/** Any exact decimal. */
export function decimalIn(text: string): Reading<string> {
  const found = NUMBER.exec(bare(text));
  if (found === null) {
    return { wrong: 'This isn’t a number. Write digits, such as 12.5.' };
  }
  const [, sign = '', whole = '', fraction = ''] = found;
  return { value: `${sign}${whole.replace(/^0+(?=\d)/, '')}${fraction === '' ? '' : `.${fraction}`}` };
}

/** A percentage as a fraction, exactly: “12.5” or “12.5%” is 0.125. */
export function percentIn(text: string): Reading<string> {
  const read = decimalIn(text.replace(/%\s*$/, ''));
  if ('wrong' in read) {
    return { wrong: 'This isn’t a percentage. Write digits, such as 12.5.' };
  }
  const value = shifted(read.value);
  return withinOne(value) ? { value } : { wrong: 'A share lies from 0% to 100%.' };
}

/** A fraction from 0 to 1; written with a percent sign, a percentage. */
export function fractionIn(text: string): Reading<string> {
  if (text.trim().endsWith('%')) {
    return percentIn(text);
  }
  const read = decimalIn(text);
  if ('wrong' in read) {
    return { wrong: 'This isn’t a fraction. Write digits from 0 to 1, such as 0.125.' };
  }
  return withinOne(read.value) ? read : { wrong: 'A fraction lies from 0 to 1.' };
}

/** A hundredth. */
function shifted(decimal: string): string {
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.');
  const digits = whole.padStart(3, '0');
  const all = `${digits.slice(-2)}${fraction}`.replace(/0+$/, '');
  const left = digits.slice(0, -2).replace(/^0+(?=\d)/, '');
  return `${decimal.startsWith('-') ? '-' : ''}${left}${all === '' ? '' : `.${all}`}`;
}

function withinOne(decimal: string): boolean {
  return /^(?:0(?:\.\d+)?|1(?:\.0+)?)$/.test(decimal);
}

/** A day, such as 2026-06-30. */
export function dayIn(text: string): Reading<string> {
  const day = text.trim();
  return isDay(day) && day > '1900' ? { value: day } : { wrong: 'This isn’t a day. Write year, month and day, such as 2026-06-30.' };
}

/** The instant at which a day has a time, in the fund’s time zone; its start without one. */
export function instantIn(day: string, time: string, zone: string): string {
  return (time === '' ? null : atLocal(`${day}T${time}`, zone)) ?? startOfDay(day, zone);
}
