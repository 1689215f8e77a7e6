/** Instants as the API writes them, to the microsecond, and days in a fund's time zone. */

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.(\d{1,6}))?(?:Z|[+-]\d{2}:\d{2})$/;
export const DAY_MS = 86_400_000;

/** Whether a text is a day, `2021-06-30`, that exists. */
export function isDay(text: string): boolean {
  if (!DAY.test(text)) {
    return false;
  }
  const midnight = new Date(`${text}T00:00:00Z`);
  // The 13th month is none at all, the 30th of February is taken for the 2nd of March.
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(text);
}

/** Whether a text is an instant with its offset. */
export function isInstant(text: string): boolean {
  return INSTANT.test(text) && !Number.isNaN(Date.parse(text));
}

/** Microseconds since 1970: the ledger tells instants apart that a Date can't. */
export function micros(instant: string): bigint {
  const fraction = (INSTANT.exec(instant)?.[1] ?? '').padEnd(6, '0');
  const whole = Math.floor(Date.parse(instant) / 1000);
  return BigInt(whole) * 1_000_000n + BigInt(fraction);
}

export function fromMicros(at: bigint): string {
  const seconds = at / 1_000_000n;
  const rest = at - seconds * 1_000_000n;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${String(rest).padStart(6, '0')}Z`;
}

/** The last instant before one. */
export function justBefore(instant: string): string {
  return fromMicros(micros(instant) - 1n);
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${name}`;
  const made = formats.get(key) ?? new Intl.DateTimeFormat('en-US', { timeZone: zone, ...options });
  formats.set(key, made);
  return made;
}

/** The day in a zone on which an instant lies. */
export function dayOf(instant: string | number, zone: string): string {
  const parts = format(zone, 'day', { year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(new Date(instant));
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}

function offsetOf(at: number, zone: string): number {
  const name = format(zone, 'offset', { timeZoneName: 'longOffset' })
    .formatToParts(at)
    .find((part) => part.type === 'timeZoneName')?.value;
  const found = /GMT([+-])(\d{2}):(\d{2})/.exec(name ?? '');
  return found === null ? 0 : (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) * 60_000;
}

/** The last instant of a day in a zone. */
export function endOfDay(day: string, zone: string): string {
  const midnight = Date.parse(`${day}T00:00:00Z`) + DAY_MS;
  // Twice, for the offset may change between the guess and the midnight meant.
  const guess = midnight - offsetOf(midnight, zone);
  return fromMicros(BigInt(midnight - offsetOf(guess, zone)) * 1000n - 1n);
}

/** The first instant of a day in a zone. */
export function startOfDay(day: string, zone: string): string {
  return fromMicros(micros(endOfDay(addDays(day, -1), zone)) + 1n);
}

/** The day so many days after another. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** Days from one to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/** Day, month and year, and what time is asked for, in an order that is read the same everywhere. */
function written(at: number, zone: string, time: Intl.DateTimeFormatOptions): string {
  const date = { day: 'numeric', month: 'short', year: 'numeric', hourCycle: 'h23' } as const;
  const parts = format(zone, JSON.stringify(time), { ...date, ...time }).formatToParts(at);
  const part = (type: string): string => parts.find((one) => one.type === type)?.value ?? '';
  const clock = ['hour', 'minute', 'second'].map(part).filter((one) => one !== '');
  return [`${part('day')} ${part('month')} ${part('year')}`, clock.join(':')].filter((one) => one !== '').join(', ');
}

/** A day as people write it: 30 Jun 2021. */
export function dayText(day: string): string {
  return written(Date.parse(`${day}T00:00:00Z`), 'UTC', {});
}

/** An instant as people write it, to the minute, in a zone. */
export function instantText(instant: string, zone: string): string {
  return written(Date.parse(instant), zone, { hour: '2-digit', minute: '2-digit' });
}

/** The same to the microsecond, where facts were recorded close together. */
export function exactText(instant: string, zone: string): string {
  const seconds = written(Date.parse(instant), zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  return `${seconds}.${String(((micros(instant) % 1_000_000n) + 1_000_000n) % 1_000_000n).padStart(6, '0')}`;
}

/** The instant at which clocks in a zone show a local time, `2026-11-30T15:01:13`. */
export function atLocal(local: string, zone: string): string | null {
  const asUtc = Date.parse(`${local}Z`);
  if (Number.isNaN(asUtc)) {
    return null;
  }
  const guess = asUtc - offsetOf(asUtc, zone);
  return fromMicros(BigInt(asUtc - offsetOf(guess, zone)) * 1000n);
}
