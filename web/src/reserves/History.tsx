/** The history of recommendations: every run, what it was about and what it came to. */

import { useMemo, useState, type ReactNode } from 'react';

import { ReserveRunsDocument, type ReserveRunsQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { instantText, micros } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Money, Multiple } from '../parts/Figure';
import { Answered, Empty, Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { useAnswer } from '../server/answer';
import styles from './History.module.css';
import { isOver, isReplay } from './run';
import { ToComparison, ToRun } from './ToRun';
import { STATUS, STRATEGY } from './words';

type Listed = ReserveRunsQuery['reserveRuns']['nodes'][number];

const PAGE = 20;
/** As many as the API gives at once. */
const MOST = 200;

export function History({ opened }: { opened: string | undefined }): ReactNode {
  const { id: fund, timeZone } = useFund();
  const { at, knownAt, isNow } = useMoment();
  const [first, setFirst] = useState(PAGE);
  const [all, setAll] = useState(false);
  const answer = useAnswer(ReserveRunsDocument, { fund, first });
  const columns = useMemo(() => columnsOf(timeZone, opened), [timeZone, opened]);
  return (
    <Section
      title="History of recommendations"
      tools={
        !isNow && (
          <label className={styles.choice}>
            <input
              type="checkbox"
              checked={all}
              onChange={({ target }) => {
                setAll(target.checked);
              }}
            />{' '}
            Also runs that weren’t known at the moment
          </label>
        )
      }
    >
      <Answered answer={answer}>
        {({ reserveRuns: { nodes, pageInfo } }) => {
          const shown = isNow || all ? nodes : nodes.filter((run) => isKnown(run, at, knownAt) || isOf(run, at));
          return nodes.length === 0 ? (
            <Empty>Nobody has asked for optimal reserves yet. The first run starts the history.</Empty>
          ) : (
            <>
              <Table
                caption="History of recommendations"
                quiet
                columns={columns}
                rows={shown}
                rowKey={({ id }) => id}
                search={shown.length > PAGE}
                empty="No run was known at the moment, and none asked of it."
              />
              {pageInfo.hasNextPage && first < MOST && (
                <button
                  type="button"
                  onClick={() => {
                    setFirst(Math.min(MOST, first * 2));
                  }}
                >
                  Show older ones
                </button>
              )}
            </>
          );
        }}
      </Answered>
    </Section>
  );
}

/** Whether a run had been asked for by both clocks of the page. */
function isKnown({ requestedAt }: Listed, at: string | null, knownAt: string | null): boolean {
  return [at, knownAt].every((instant) => instant === null || micros(requestedAt) <= micros(instant));
}

/** Whether a run is about the moment on the page: a replay of it. */
function isOf(run: Listed, at: string | null): boolean {
  return at !== null && micros(run.at) === micros(at);
}

function columnsOf(zone: string, opened: string | undefined): readonly Column<Listed>[] {
  return [
    {
      key: 'asked',
      title: 'Asked',
      value: ({ requestedAt }) => requestedAt,
      show: (run) => (run.id === opened ? <strong>{instantText(run.requestedAt, zone)}, shown</strong> : instantText(run.requestedAt, zone)),
    },
    { key: 'by', title: 'By', value: ({ requestedBy }) => requestedBy },
    {
      key: 'of',
      title: 'Of the fund at',
      value: ({ at }) => at,
      show: (run) => (isReplay(run) ? instantText(run.at, zone) : 'the present'),
    },
    {
      key: 'status',
      title: 'Stands',
      value: ({ status }) => STATUS[status],
      show: ({ status, staleSince, error }) => (
        <span title={error ?? undefined}>
          {STATUS[status]}
          {status === 'SUCCEEDED' && staleSince !== null && <span className="soft">, out of date</span>}
        </span>
      ),
    },
    { key: 'pool', title: 'Pool', numeric: true, value: ({ pool }) => pool, show: ({ pool }) => <Money amount={pool} /> },
    {
      key: 'value',
      title: 'Expected value',
      numeric: true,
      value: ({ plans }) => plans[0]?.expectedValue ?? null,
      show: ({ plans }) => <Money amount={plans[0]?.expectedValue ?? null} />,
    },
    {
      key: 'price',
      title: 'Shadow price',
      numeric: true,
      value: ({ shadowPrice }) => shadowPrice,
      show: ({ shadowPrice }) => <Multiple of={shadowPrice} />,
    },
    {
      key: 'strategy',
      title: 'Strategy',
      value: ({ plans }) => plans.map(({ strategy }) => STRATEGY[strategy]).join(', ') || null,
    },
    { key: 'paths', title: 'Paths', numeric: true, value: ({ iterations }) => iterations, show: ({ iterations }) => iterations.toLocaleString('en') },
    {
      key: 'open',
      title: 'Go to',
      value: () => null,
      show: (run) => <Ways run={run} opened={opened} when={instantText(run.requestedAt, zone)} />,
    },
  ];
}

function Ways({ run, opened, when }: { run: Listed; opened: string | undefined; when: string }): ReactNode {
  return (
    <span className={styles.ways}>
      {run.id !== opened && (run.status === 'SUCCEEDED' || !isOver(run)) && (
        <ToRun run={run} label={`${isOver(run) ? 'Open' : 'Follow'} the run of ${when}`}>
          {isOver(run) ? 'Open' : 'Follow'}
        </ToRun>
      )}
      {run.id !== opened && run.status === 'SUCCEEDED' && (
        <ToComparison run={run.id} label={`Compare with the run of ${when}`}>
          Compare
        </ToComparison>
      )}
    </span>
  );
}
