/** Taking a fact back: a void with its reason, which is a fact itself. */

import { useState, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { useMoment } from '../moment/moment';
import { Dialog } from '../parts/Dialog';
import { Field, Form } from '../parts/Field';
import { Outcome } from '../record/Outcome';
import { useRecorder } from '../record/recorder';
import type { Fact } from './FactDetail';
import styles from './VoidFact.module.css';

/** A button for those who may record, until the fact is voided, and the dialog behind it, which tells that it has been. */
export function VoidFact({ fact, voided }: { fact: Fact; voided: boolean }): ReactNode {
  const { mayWrite } = useFund();
  const { isNow } = useMoment();
  const [open, setOpen] = useState(false);
  if (!mayWrite || (voided && !open)) {
    return null;
  }
  if (!isNow && !open) {
    return <p className="soft">To void this fact, go back to now: recording is done as of now.</p>;
  }
  return (
    <div>
      <button
        type="button"
        onClick={() => {
          setOpen(true);
        }}
      >
        Void version {fact.version}…
      </button>
      {open && (
        <Choice
          fact={fact}
          onClose={() => {
            setOpen(false);
          }}
        />
      )}
    </div>
  );
}

function Choice({ fact, onClose }: { fact: Fact; onClose: () => void }): ReactNode {
  const recorder = useRecorder();
  const [reason, setReason] = useState('');
  const { stage } = recorder;
  const fixed = stage.name === 'recorded' || stage.name === 'recording';
  return (
    <Dialog title={`Void version ${fact.version}`} onClose={onClose}>
      <Form
        refusals={stage.name === 'refused' ? stage.refusals : []}
        paths={['reason']}
        onSubmit={() => {
          void recorder.check([{ event: { eventVoided: { version: fact.version, reason: reason.trim() } } }]);
        }}
      >
        <p>{fact.summary}</p>
        <p className="soft">
          It no longer counts from the moment it was true, as far as the fund is known from now on. It stays in the ledger, and
          in what was known before. To put something right, void it and record it anew.
        </p>
        <Field label="Reason" path="reason" hint="Why it was wrong; it stands in the ledger for good.">
          {(control) => (
            <textarea
              {...control}
              className={styles.reason}
              rows={3}
              required
              maxLength={2000}
              readOnly={fixed}
              value={reason}
              onChange={(event) => {
                setReason(event.target.value);
                recorder.reset();
              }}
            />
          )}
        </Field>
        <Outcome recorder={recorder} checkText="Check" recordText={`Void version ${fact.version}`}>
          <p>
            Version {fact.version} will be voided: “{reason.trim()}”.
          </p>
        </Outcome>
      </Form>
    </Dialog>
  );
}
