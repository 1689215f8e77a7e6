/** Snapshots: states kept ready, which make answers fast and never different. */

import { useState, type ReactNode } from 'react';
import { useMutation } from 'urql';

import { SnapshotsDocument, TakeSnapshotDocument, type SnapshotKind, type SnapshotsQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { useMoment } from '../moment/moment';
import { Field, Form, type Refusal } from '../parts/Field';
import { Instant } from '../parts/Instant';
import { Notice } from '../parts/Notice';
import { Answered, Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { useAnswer } from '../server/answer';
import { faultOf, type Fault } from '../server/fault';
import styles from './Snapshots.module.css';

type Snapshot = SnapshotsQuery['snapshots']['nodes'][number];

const KIND: Record<SnapshotKind, string> = { MANUAL: 'by hand', SCHEDULED: 'scheduled', AUTO: 'automatic' };

const COLUMNS: readonly Column<Snapshot>[] = [
  { key: 'created', title: 'Taken', value: ({ createdAt }) => createdAt, show: ({ createdAt }) => <Instant at={createdAt} /> },
  { key: 'of', title: 'Of the fund at', value: ({ at }) => at, show: ({ at }) => <Instant at={at} /> },
  { key: 'version', title: 'Version', numeric: true, value: ({ version }) => version },
  { key: 'kind', title: 'How', value: ({ kind }) => KIND[kind] },
  { key: 'description', title: 'What for', value: ({ description }) => description },
];

/** The list of snapshots, and for those who may the button that takes one. */
export function Snapshots(): ReactNode {
  const { id: fund, mayWrite } = useFund();
  const { isNow } = useMoment();
  const answer = useAnswer(SnapshotsDocument, { fund });
  return (
    <Section title="Snapshots">
      {mayWrite &&
        (isNow ? (
          <Take onTaken={answer.again} />
        ) : (
          <p className="soft">A snapshot is taken of the fund as of now: go back to now to take one.</p>
        ))}
      <Answered answer={answer}>
        {({ snapshots }) => (
          <Table
            caption={snapshots.pageInfo.hasNextPage ? 'The newest snapshots' : 'Snapshots'}
            quiet
            bounded
            search={snapshots.nodes.length > 20}
            columns={COLUMNS}
            rows={snapshots.nodes}
            rowKey={({ id }) => id}
            empty="No snapshot has been taken yet. They are taken by themselves as the fund grows, and by hand here."
          />
        )}
      </Answered>
    </Section>
  );
}

type Outcome = { taken: number } | { refusals: readonly Refusal[] } | { fault: Fault };

function Take({ onTaken }: { onTaken: () => void }): ReactNode {
  const { id: fund } = useFund();
  const [{ fetching }, take] = useMutation(TakeSnapshotDocument);
  const [description, setDescription] = useState('');
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const send = async (): Promise<void> => {
    const { data, error } = await take({ fund, description: description.trim() || null });
    if (error !== undefined) {
      setOutcome({ fault: faultOf(error) });
    } else if (data?.createSnapshot.snapshot) {
      setOutcome({ taken: data.createSnapshot.snapshot.version });
      setDescription('');
      onTaken();
    } else {
      setOutcome({ refusals: data?.createSnapshot.errors ?? [] });
    }
  };
  return (
    <Form
      refusals={outcome !== null && 'refusals' in outcome ? outcome.refusals : []}
      paths={['description']}
      onSubmit={() => {
        if (!fetching) {
          void send();
        }
      }}
    >
      <div className={styles.take}>
        <Field label="What for (optional)" path="description">
          {(control) => (
            <input
              {...control}
              value={description}
              onChange={(event) => {
                setDescription(event.target.value);
              }}
            />
          )}
        </Field>
        <button disabled={fetching}>{fetching ? 'Taking …' : 'Take a snapshot'}</button>
      </div>
      {outcome !== null && 'taken' in outcome && <Notice tone="good">Snapshot taken at version {outcome.taken}.</Notice>}
      {outcome !== null && 'fault' in outcome && (
        <Notice tone="bad" title={outcome.fault.title}>
          {outcome.fault.advice}
        </Notice>
      )}
    </Form>
  );
}
