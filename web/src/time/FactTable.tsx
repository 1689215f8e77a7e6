/** Facts in a table, each of which opens. */

import { createContext, useContext, useMemo, type ReactNode } from 'react';

import type { FactLineFragment } from '../../generated/operations';
import { kindText } from '../fund/kinds';
import { Instant } from '../parts/Instant';
import { Table, type Column } from '../parts/Table';
import { FactDetail } from './FactDetail';
import styles from './FactTable.module.css';
import { useVoided, type Void } from './voided';

interface Props {
  caption: string;
  facts: readonly FactLineFragment[];
  /** Versions that came while the page was open. */
  fresh?: ReadonlySet<number>;
  quiet?: boolean;
  empty: string;
}

/** What is said of facts beside what they say themselves. */
interface Marks {
  voided: ReadonlyMap<number, Void>;
  fresh: ReadonlySet<number>;
}

const NONE: ReadonlySet<number> = new Set();
const MarksContext = createContext<Marks>({ voided: new Map(), fresh: NONE });

const COLUMNS: readonly Column<FactLineFragment>[] = [
  { key: 'version', title: 'Version', numeric: true, value: ({ version }) => version },
  { key: 'summary', title: 'Fact', value: ({ summary }) => summary, show: (fact) => <Summary fact={fact} /> },
  { key: 'type', title: 'Kind', value: ({ type }) => kindText(type) },
  {
    key: 'occurredAt',
    title: 'True from',
    value: ({ occurredAt }) => occurredAt,
    show: ({ occurredAt }) => <Instant at={occurredAt} />,
  },
  {
    key: 'recordedAt',
    title: 'Learned',
    value: ({ recordedAt }) => recordedAt,
    show: ({ recordedAt }) => <Instant at={recordedAt} />,
  },
  { key: 'recordedBy', title: 'Recorded by', value: ({ recordedBy }) => recordedBy },
];

/** Facts as given, with both clocks; opened, each tells all there is to know of it. */
export function FactTable({ caption, facts, fresh = NONE, quiet = false, empty }: Props): ReactNode {
  const voided = useVoided();
  const marks = useMemo(() => ({ voided, fresh }), [voided, fresh]);
  return (
    <MarksContext value={marks}>
      <Table
        caption={caption}
        quiet={quiet}
        bounded
        search={facts.length > 20}
        columns={COLUMNS}
        rows={facts}
        rowKey={({ id }) => id}
        detail={opened}
        empty={empty}
      />
    </MarksContext>
  );
}

function opened({ id }: FactLineFragment): ReactNode {
  return <FactDetail id={id} />;
}

function Summary({ fact: { version, summary } }: { fact: FactLineFragment }): ReactNode {
  const { voided, fresh } = useContext(MarksContext);
  const by = voided.get(version);
  return (
    <span className={styles.summary}>
      {fresh.has(version) && <span className={styles.fresh}>new</span>}
      {by === undefined ? summary : <del>{summary}</del>}
      {by !== undefined && <span className={styles.voided}>voided by version {by.version}</span>}
    </span>
  );
}
