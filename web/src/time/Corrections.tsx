/** What was taken back or restated, by which fact, and the fund as it was known before and after. */

import { useState, type ReactNode } from 'react';

import { RestatementsDocument, type RestatementsQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { justBefore, micros } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Instant } from '../parts/Instant';
import { Answered, Empty, Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { useAnswer } from '../server/answer';
import { Change } from './Change';
import styles from './Corrections.module.css';
import { FactDetail } from './FactDetail';
import { MOST_VOIDS, useVoids, voidsIn } from './voided';

type Restatement = Extract<RestatementsQuery['timeline']['nodes'][number], { supersedesVersion: number | null }>;

interface Correction {
  id: string;
  version: number;
  recordedAt: string;
  recordedBy: string;
  summary: string;
  /** The fact that it takes back or restates. */
  target: number;
  how: 'voided' | 'restated';
}

/** Reports looked through for restatements: as many as a page holds. */
const REPORTS = 200;

const COLUMNS: readonly Column<Correction>[] = [
  { key: 'version', title: 'Version', numeric: true, value: ({ version }) => version },
  { key: 'how', title: 'What it did', value: ({ how, target }) => `${how} version ${target}` },
  { key: 'summary', title: 'Correction', value: ({ summary }) => summary },
  { key: 'recordedAt', title: 'Learned', value: ({ recordedAt }) => recordedAt, show: ({ recordedAt }) => <Instant at={recordedAt} /> },
  { key: 'recordedBy', title: 'Recorded by', value: ({ recordedBy }) => recordedBy },
];

/** Corrections known at the moment, newest first. */
export function Corrections(): ReactNode {
  const { id: fund } = useFund();
  const { knownAt } = useMoment();
  const voids = useVoids();
  const restatements = useAnswer(RestatementsDocument, { fund, first: REPORTS });
  return (
    <Section title="Corrections">
      <Answered answer={voids}>
        {(voided) => (
          <Answered answer={restatements}>
            {(restated) => {
              const found = [...ofVoids(voidsIn(voided)), ...ofRestatements(restated)]
                .filter(({ recordedAt }) => knownAt === null || micros(recordedAt) <= micros(knownAt))
                .toSorted((a, b) => b.version - a.version);
              return found.length === 0 ? (
                <Empty>Nothing was corrected by then. A fact that was wrong is voided from its detail in the timeline.</Empty>
              ) : (
                <Table
                  caption="Corrections"
                  quiet
                  search={found.length > 20}
                  columns={COLUMNS}
                  rows={found}
                  rowKey={({ id }) => id}
                  detail={opened}
                />
              );
            }}
          </Answered>
        )}
      </Answered>
      {(voids.data?.timeline.pageInfo.hasNextPage === true || restatements.data?.timeline.pageInfo.hasNextPage === true) && (
        <p className="soft">
          Of the newest {MOST_VOIDS} voids and the newest {REPORTS} reported figures. Older ones are in the timeline.
        </p>
      )}
    </Section>
  );
}

function ofVoids(voids: ReturnType<typeof voidsIn>): Correction[] {
  return voids.map(({ targetVersion, ...fact }) => ({ ...fact, target: targetVersion, how: 'voided' }));
}

function ofRestatements({ timeline }: RestatementsQuery): Correction[] {
  return timeline.nodes
    .filter((node): node is Restatement => 'supersedesVersion' in node)
    .flatMap(({ supersedesVersion, ...fact }) =>
      supersedesVersion === null ? [] : [{ ...fact, target: supersedesVersion, how: 'restated' as const }],
    );
}

function opened(correction: Correction): ReactNode {
  return <Detail correction={correction} />;
}

/** The fact corrected, the correction, and what differs between knowing it and not. */
function Detail({ correction }: { correction: Correction }): ReactNode {
  const { id: fund } = useFund();
  const { at, go } = useMoment();
  const [differences, setDifferences] = useState(false);
  const { version, target, how, recordedAt } = correction;
  const before = justBefore(recordedAt);
  return (
    <div className={styles.detail}>
      <div className={styles.pair}>
        <section aria-label={`The fact ${how}`}>
          <h3>
            {how === 'voided' ? 'Voided' : 'Restated'}: version {target}
          </h3>
          {/* Ids of facts are made of the fund and the version, as the schema says. */}
          <FactDetail id={`fact:${fund}:${target}`} readOnly />
        </section>
        <section aria-label="The correction">
          <h3>By: version {version}</h3>
          <FactDetail id={correction.id} readOnly />
        </section>
      </div>
      <div className={styles.views}>
        <button
          type="button"
          onClick={() => {
            go({ knownAt: before });
          }}
        >
          Show the fund as known before version {version}
        </button>
        <button
          type="button"
          onClick={() => {
            go({ knownAt: recordedAt });
          }}
        >
          Show the fund as known with version {version}
        </button>
        <button
          type="button"
          aria-expanded={differences}
          onClick={() => {
            setDifferences(!differences);
          }}
        >
          What version {version} changed
        </button>
      </div>
      {differences && <Change from={{ at, knownAt: before }} to={{ at, knownAt: recordedAt }} />}
    </div>
  );
}
