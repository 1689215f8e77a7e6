/** One fact with both clocks, its payload and its hash, and the ways to the fund just before and just after it. */

import { useState, type ReactNode } from 'react';

import { FactDetailDocument, type FactDetailQuery } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { isVoidable, kindText } from '../fund/kinds';
import { exactText, justBefore } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Answered, Empty } from '../parts/Section';
import { useAnswer } from '../server/answer';
import styles from './FactDetail.module.css';
import { VoidFact } from './VoidFact';
import { useVoided } from './voided';

export type Fact = Extract<NonNullable<FactDetailQuery['node']>, { hash: string }>;

function isFact(node: FactDetailQuery['node']): node is Fact {
  return node !== null && 'hash' in node;
}

/** All there is to know of a fact; `readOnly` leaves out what would change something. */
export function FactDetail({ id, readOnly = false }: { id: string; readOnly?: boolean }): ReactNode {
  const answer = useAnswer(FactDetailDocument, { id });
  return (
    <Answered answer={answer}>
      {({ node }) =>
        isFact(node) ? (
          <Detail fact={node} readOnly={readOnly} />
        ) : (
          <Empty>This fact can’t be found any more.</Empty>
        )
      }
    </Answered>
  );
}

function Detail({ fact, readOnly }: { fact: Fact; readOnly: boolean }): ReactNode {
  const { timeZone } = useFund();
  const by = useVoided().get(fact.version);
  return (
    <div className={styles.detail} role="group" aria-label={`Version ${fact.version}`}>
      <p className={styles.summary}>
        {fact.summary}
        {by !== undefined && <span className="soft"> – voided by version {by.version}: {by.reason}</span>}
      </p>
      <dl className={styles.facts}>
        <Entry name="True from">{exactText(fact.occurredAt, timeZone)}</Entry>
        <Entry name="Learned">{exactText(fact.recordedAt, timeZone)}</Entry>
        <Entry name="Recorded by">{fact.recordedBy}</Entry>
        <Entry name="Kind">{kindText(fact.type)}</Entry>
        <Entry name="Version">{fact.version}</Entry>
        <Entry name="Hash">
          <Copyable what={`the hash of version ${fact.version}`} text={fact.hash} />
        </Entry>
        <Entry name="Payload">
          <Copyable what={`the payload of version ${fact.version}`} text={JSON.stringify(fact.payload, null, 2)} />
        </Entry>
        {fact.metadata !== null && (
          <Entry name="Metadata">
            <Copyable what={`the metadata of version ${fact.version}`} text={JSON.stringify(fact.metadata, null, 2)} />
          </Entry>
        )}
      </dl>
      <Moves fact={fact} />
      {!readOnly && isVoidable(fact.type) && <VoidFact fact={fact} voided={by !== undefined} />}
    </div>
  );
}

function Entry({ name, children }: { name: string; children: ReactNode }): ReactNode {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Copyable({ what, text }: { what: string; text: string }): ReactNode {
  const [copied, setCopied] = useState(false);
  return (
    <span className={styles.copyable}>
      {/* Scrolled sideways where it is too wide, so it must be reached by keyboard. */}
      <code tabIndex={0} role="group" aria-label={what}>
        {text}
      </code>
      <button
        type="button"
        className="plain"
        aria-label={`Copy ${what}`}
        onClick={() => {
          void navigator.clipboard.writeText(text).then(() => {
            setCopied(true);
          });
        }}
      >
        Copy
      </button>
      <span role="status" className="soft">
        {copied ? 'Copied' : ''}
      </span>
    </span>
  );
}

/** Moves the page’s moment next to the fact, on either clock. */
function Moves({ fact: { version, occurredAt, recordedAt } }: { fact: Fact }): ReactNode {
  const { timeZone } = useFund();
  const { go } = useMoment();
  const [before, unknown] = [justBefore(occurredAt), justBefore(recordedAt)];
  const moves = [
    { title: 'Just before it was true', instant: before, moments: { at: before } },
    { title: 'Just after', instant: occurredAt, moments: { at: occurredAt }, spoken: 'Just after it was true' },
    { title: 'As known before it', instant: unknown, moments: { knownAt: unknown } },
    { title: 'As known with it', instant: recordedAt, moments: { knownAt: recordedAt } },
  ];
  return (
    <div className={styles.moves} role="group" aria-label={`Show the fund around version ${version}`}>
      <span className="soft">Show the fund</span>
      {moves.map(({ title, instant, moments, spoken = title }) => (
        <button
          key={title}
          type="button"
          aria-label={`${spoken}: version ${version}`}
          title={exactText(instant, timeZone)}
          onClick={() => {
            go(moments);
          }}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
