/** The time bar: the fund’s life under one slider, and what was known when. */

import { memo, useEffect, useMemo, useRef, type ReactNode } from 'react';

import { FundSeriesDocument, type FundSeriesQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { Icon } from '../parts/Icon';
import { useAnswer } from '../server/answer';
import { useFirstCame } from '../server/first';
import { addDays, dayOf, daysBetween, dayText, endOfDay, fromMicros, instantText, isDay, micros } from './instant';
import { KnownAt } from './KnownAt';
import { kindOf, useMarks, type Mark, type MarkKind } from './marks';
import { useMoment } from './moment';
import { usePlay } from './play';
import styles from './TimeBar.module.css';

/** The fund’s totals over time, as known at the page’s moment. */
export function useSeries(): NonNullable<Extract<FundSeriesQuery['node'], { series: unknown }>>['series'] | undefined {
  const { id: fund } = useFund();
  const { knownAt } = useMoment();
  const { data } = useAnswer(FundSeriesDocument, { fund, knownAt }, { pause: !useFirstCame() });
  return data?.node !== null && data?.node !== undefined && 'series' in data.node ? data.node.series : undefined;
}

/** After so many milliseconds without a step the thumb is let go for good. */
const STILL = 300;

/** The slider over the fund’s life, play and steps, and the second control: as known at. */
export function TimeBar(): ReactNode {
  const fund = useFund();
  const { at, shownAt, day, today, scrub, settle, go, expect } = useMoment();
  const marks = useMarks();
  const first = dayOf(fund.openedAt, fund.timeZone);
  const last = Math.max(1, daysBetween(first, today));
  const place = Math.min(last, Math.max(0, daysBetween(first, day)));

  const dayAt = (days: number): string | undefined => (days >= last ? undefined : addDays(first, days));
  const slideTo = (days: number): void => {
    const ahead = [1, 2].map((steps) => dayAt(days + steps * Math.sign(days - place)));
    expect(ahead.filter((next) => next !== undefined).map((next) => endOfDay(next, fund.timeZone)));
    scrub(dayAt(days));
  };
  const play = usePlay(place, last, (days) => {
    slideTo(days);
  }, settle);
  const slider = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const { current } = slider;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // A key that is held moves the thumb and lets it go many times: one step for the Back button all the same.
    function letGo(): void {
      clearTimeout(timer);
      timer = setTimeout(settle, STILL);
    }
    // React’s onChange is the input event; this one comes when the thumb is let go.
    current?.addEventListener('change', letGo);
    return () => {
      clearTimeout(timer);
      current?.removeEventListener('change', letGo);
    };
  }, [settle]);

  const { before, after } = useMemo(() => neighbours(marks, at), [marks, at]);
  const text = shownAt === undefined ? 'now' : isDay(shownAt) ? dayText(shownAt) : instantText(shownAt, fund.timeZone);
  return (
    <section className={styles.bar} aria-label="Moment">
      <div className={styles.controls}>
        <button
          type="button"
          aria-label={before === undefined ? 'No earlier fact' : `Earlier fact: ${before.summary}`}
          title={before?.summary}
          disabled={before === undefined}
          onClick={() => {
            go({ at: before?.occurredAt });
          }}
        >
          <Icon shape="earlier" />
        </button>
        <button type="button" aria-label={play.on ? 'Pause' : 'Play the fund’s life'} onClick={play.toggle}>
          <Icon shape={play.on ? 'pause' : 'play'} />
        </button>
        <button
          type="button"
          aria-label={after === undefined ? 'No later fact' : `Later fact: ${after.summary}`}
          title={after?.summary}
          disabled={after === undefined}
          onClick={() => {
            go({ at: after?.occurredAt });
          }}
        >
          <Icon shape="later" />
        </button>
      </div>
      <div className={styles.track}>
        <Life marks={marks} first={first} last={last} zone={fund.timeZone} />
        <input
          ref={slider}
          type="range"
          className={styles.slider}
          aria-label="What was true at"
          aria-valuetext={text}
          min={0}
          max={last}
          value={place}
          onChange={(event) => {
            play.stop();
            slideTo(Number(event.target.value));
          }}
        />
        <div className={styles.ends} aria-hidden="true">
          <span>{dayText(first)}</span>
          <span>now</span>
        </div>
      </div>
      <div className={styles.moments}>
        <label>
          <span className={styles.name}>True at</span>
          <input
            type="date"
            min={first}
            max={today}
            value={day}
            onChange={(event) => {
              const { value } = event.target;
              if (isDay(value)) {
                go({ at: value >= today ? undefined : value });
              }
            }}
          />
        </label>
        <button
          type="button"
          aria-label="True now"
          disabled={shownAt === undefined}
          onClick={() => {
            go({ at: undefined });
          }}
        >
          Now
        </button>
        <KnownAt />
      </div>
    </section>
  );
}

function neighbours(marks: readonly Mark[], at: string | null): { before: Mark | undefined; after: Mark | undefined } {
  if (at === null) {
    return { before: marks.at(-1), after: undefined };
  }
  // Written as the API writes them, instants sort as texts.
  const here = fromMicros(micros(at));
  return {
    before: marks.findLast(({ occurredAt }) => occurredAt < here),
    after: marks.find(({ occurredAt }) => occurredAt > here),
  };
}

const WIDTH = 1000;
const HEIGHT = 34;
const TICKS: Record<MarkKind, readonly [top: number, height: number]> = {
  capital: [22, 12],
  companies: [26, 8],
  values: [31, 3],
};

/** The fund’s value over its life, with a tick for each fact, behind the slider. */
const Life = memo(function Life(props: { marks: readonly Mark[]; first: string; last: number; zone: string }): ReactNode {
  const { marks, first, last, zone } = props;
  const series = useSeries();
  const value = useMemo(() => {
    const values = series?.totalValue.map(Number) ?? [];
    const most = Math.max(1, ...values);
    const points = values.map((one, index) => {
      const x = (index / Math.max(1, values.length - 1)) * WIDTH;
      return `${x.toFixed(1)} ${(HEIGHT - (one / most) * (HEIGHT - 4)).toFixed(1)}`;
    });
    return points.length === 0 ? '' : `M0 ${HEIGHT} L${points.join(' L')} L${WIDTH} ${HEIGHT} Z`;
  }, [series]);
  const ticks = useMemo(() => {
    const paths: Record<MarkKind, string> = { capital: '', companies: '', values: '' };
    const drawn = new Set<string>();
    for (const mark of marks) {
      const kind = kindOf(mark);
      const x = Math.round((daysBetween(first, dayOf(mark.occurredAt, zone)) / last) * WIDTH);
      if (kind !== undefined && !drawn.has(`${kind}${x}`)) {
        drawn.add(`${kind}${x}`);
        const [top, height] = TICKS[kind];
        paths[kind] += `M${x} ${top}v${height}`;
      }
    }
    return paths;
  }, [marks, first, last, zone]);
  return (
    <svg className={styles.life} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path className={styles.value} d={value} />
      <path className={styles.values} d={ticks.values} />
      <path className={styles.companies} d={ticks.companies} />
      <path className={styles.capital} d={ticks.capital} />
    </svg>
  );
});
