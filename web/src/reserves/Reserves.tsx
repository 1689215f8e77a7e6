/** The tab of optimal reserves: where the next follow-on dollar earns most, and how to split the pool. */

import { useNavigate, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState, type ReactNode } from 'react';

import { LatestRecommendationDocument } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { useAnswerAt } from '../moment/answerAt';
import { useMoment } from '../moment/moment';
import { Notice } from '../parts/Notice';
import { Answered, Empty, Loading, Section } from '../parts/Section';
import { DEFAULTS, type Asked } from './asked';
import { Changes } from './Changes';
import { Curve } from './Curve';
import { Following } from './Following';
import { History } from './History';
import { Ranking } from './Ranking';
import { Recommendation } from './Recommendation';
import styles from './Reserves.module.css';
import { isOver, useRun, useStanding, type Standing } from './run';
import { RunForm } from './RunForm';
import { Scenarios } from './Scenarios';
import type { ReservesSearch } from './search';
import { Strategies } from './Strategies';
import { ToLatest } from './ToRun';

const TAB = '/funds/$fund/reserves';

export function Reserves(): ReactNode {
  const { mayWrite } = useFund();
  const { isNow } = useMoment();
  const { run: named, with: other, company } = useSearch({ from: TAB });
  const navigate = useNavigate({ from: TAB });
  const latest = useAnswerAt(LatestRecommendationDocument, {});
  const { standing, answer: standingAnswer } = useStanding(named);
  useLeaving(standing);

  const [again, setAgain] = useState({ asked: DEFAULTS, times: 0 });
  const form = useRef<HTMLDivElement>(null);
  const onAgain = (asked: Asked): void => {
    setAgain(({ times }) => ({ asked, times: times + 1 }));
    form.current?.scrollIntoView();
    form.current?.focus({ preventScroll: true });
  };

  const known = latest.data?.fund?.latestRecommendation ?? undefined;
  const finished = standing?.status === 'SUCCEEDED' ? standing.id : undefined;
  // What is on screen stays while it isn't known yet what the address names.
  const waiting = named !== undefined && standing === undefined && standingAnswer.fault === undefined;
  const id = finished ?? (waiting ? undefined : known?.id);
  const { figures, answer } = useRun(id);
  // While another is on its way, the one before it stays.
  const shown = (id !== undefined || waiting) && figures?.status === 'SUCCEEDED' ? figures : undefined;
  const stale = shown !== undefined && shown.id !== id;
  const open = (run: string): void => {
    void navigate({ to: '.', resetScroll: false, search: (before: ReservesSearch) => ({ ...before, run }) });
  };
  return (
    <div className={styles.tab}>
      <div ref={form} tabIndex={-1} className={styles.form}>
        <Section title="Optimal reserves">
          {mayWrite ? (
            <RunForm key={again.times} first={again.asked} going={standing !== null && standing !== undefined && !isOver(standing)} onAsked={open} />
          ) : (
            <p className="soft">Runs are asked for by analysts and managers of the fund. What they came to is below.</p>
          )}
          {named !== undefined && <Named standing={standing} />}
        </Section>
      </div>
      {id === undefined && !waiting ? (
        <Section title="Recommendation">
          <Answered answer={latest}>
            {() => (
              <Empty>
                {isNow ? 'There is no recommendation yet.' : 'No recommendation was known at this moment.'}{' '}
                {mayWrite ? (isNow ? 'Run optimal reserves to get one.' : 'Run it as of then to see what it would have been.') : ''}
              </Empty>
            )}
          </Answered>
        </Section>
      ) : shown === undefined ? (
        <Section title="Recommendation">
          {waiting ? <Loading /> : <Answered answer={{ ...answer, data: undefined }}>{() => null}</Answered>}
        </Section>
      ) : (
        <div className={`${styles.tab ?? ''} ${stale ? 'stale' : ''}`} aria-busy={stale}>
          {answer.fault !== undefined && <Answered answer={{ ...answer, data: undefined }}>{() => null}</Answered>}
          <Recommendation run={shown} latest={known?.id} onAgain={mayWrite ? onAgain : undefined} />
          <Ranking run={shown} />
          <Curve run={shown} company={company} />
          <Strategies run={shown} />
          {other !== undefined && other !== shown.id && <Changes run={shown} other={other} />}
        </div>
      )}
      <History opened={shown?.id} />
      <Scenarios run={shown} />
    </div>
  );
}

/** What became of the run in the address, or how far it is. */
function Named({ standing }: { standing: Standing | null | undefined }): ReactNode {
  if (standing === undefined) {
    return null;
  }
  if (standing === null) {
    return (
      <Notice tone="warn" title="There is no such run">
        The address names a run that this fund doesn’t have. <ToLatest>Show the latest recommendation</ToLatest>.
      </Notice>
    );
  }
  switch (standing.status) {
    case 'QUEUED':
    case 'RUNNING':
      return <Following key={standing.id} run={standing} />;
    case 'SUCCEEDED':
      return (
        <p role="status" className="spoken">
          The run is done. Its recommendation is shown below.
        </p>
      );
    case 'FAILED':
      return (
        <Notice tone="bad" title="The run failed">
          {standing.error ?? 'It could not be computed.'} Change its options and run again. <ToLatest>Close</ToLatest>
        </Notice>
      );
    case 'CANCELLED':
      return (
        <Notice tone="info" title="The run was cancelled">
          Nothing came of it. <ToLatest>Close</ToLatest>
        </Notice>
      );
  }
}

/** One moment for all: a finished run that was opened gives way once the reader goes to another moment. */
function useLeaving(standing: Standing | null | undefined): void {
  const { at, knownAt } = useMoment();
  const navigate = useNavigate({ from: TAB });
  const before = useRef({ moment: `${at} ${knownAt}`, run: standing?.id });
  useEffect(() => {
    const moment = `${at} ${knownAt}`;
    const left = before.current.moment !== moment && standing?.id !== undefined && before.current.run === standing.id && isOver(standing);
    before.current = { moment, run: standing?.id };
    if (left) {
      void navigate({ to: '.', replace: true, resetScroll: false, search: (rest: ReservesSearch) => ({ ...rest, run: undefined }) });
    }
  }, [at, knownAt, standing, navigate]);
}
