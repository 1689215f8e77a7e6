/** The second clock: as far as it was known at a moment. */

import { useState, type ReactNode } from 'react';

import { CorrectionsDocument, type CorrectionFragment } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { Dialog } from '../parts/Dialog';
import { Answered, Empty } from '../parts/Section';
import { useAnswer } from '../server/answer';
import { atLocal, exactText, instantText, justBefore } from './instant';
import { useMoment } from './moment';
import styles from './KnownAt.module.css';

/** A button that says what is known, and opens the choice. */
export function KnownAt(): ReactNode {
  const { timeZone } = useFund();
  const { knownAt, go } = useMoment();
  const [open, setOpen] = useState(false);
  return (
    <div className={styles.control}>
      <span className={styles.name} id="known-at">
        As known at
      </span>
      <button
        type="button"
        aria-haspopup="dialog"
        aria-label={`As known at: ${knownAt === null ? 'now' : exactText(knownAt, timeZone)}`}
        onClick={() => {
          setOpen(true);
        }}
      >
        {knownAt === null ? 'now' : instantText(knownAt, timeZone)} <span aria-hidden="true">▾</span>
      </button>
      <button
        type="button"
        aria-label="As known now"
        disabled={knownAt === null}
        onClick={() => {
          go({ knownAt: undefined });
        }}
      >
        Now
      </button>
      {open && (
        <Choice
          onClose={() => {
            setOpen(false);
          }}
        />
      )}
    </div>
  );
}

function Choice({ onClose }: { onClose: () => void }): ReactNode {
  const { id: fund, timeZone } = useFund();
  const { knownAt, go } = useMoment();
  const answer = useAnswer(CorrectionsDocument, { fund });
  const choose = (instant: string | undefined): void => {
    go({ knownAt: instant });
    onClose();
  };
  return (
    <Dialog title="As known at" onClose={onClose}>
      <p className="soft">
        Every fact has two clocks: when it was true, and when it was learned. Choose when to know it from; what was learned
        later is left out.
      </p>
      <form
        className={styles.exact}
        onSubmit={(event) => {
          event.preventDefault();
          const local = new FormData(event.currentTarget).get('local');
          const instant = typeof local === 'string' ? atLocal(local, timeZone) : null;
          if (instant !== null) {
            choose(instant);
          }
        }}
      >
        <label htmlFor="known-local">Day and time ({timeZone})</label>
        <input id="known-local" name="local" type="datetime-local" step="1" required />
        <button className="primary">Know as of then</button>
        <button
          type="button"
          disabled={knownAt === null}
          onClick={() => {
            choose(undefined);
          }}
        >
          Now
        </button>
      </form>
      <h3>Corrections</h3>
      <Answered answer={answer}>
        {({ voids, reports }) => {
          const restated = reports.nodes.filter((node) => 'supersedesVersion' in node && node.supersedesVersion !== null);
          const found = [...voids.nodes, ...restated].toSorted((a, b) => b.version - a.version);
          return found.length === 0 ? (
            <Empty>Nothing recorded in this fund was corrected lately.</Empty>
          ) : (
            <ul className={styles.list}>
              {found.map((correction) => (
                <Correction key={correction.id} correction={correction} onChoose={choose} />
              ))}
            </ul>
          );
        }}
      </Answered>
    </Dialog>
  );
}

function Correction(props: { correction: CorrectionFragment; onChoose: (instant: string) => void }): ReactNode {
  const { correction, onChoose } = props;
  const { timeZone } = useFund();
  return (
    <li>
      <p>{correction.summary}</p>
      <p className="soft">
        Version {correction.version}, learned {exactText(correction.recordedAt, timeZone)}
      </p>
      <button
        type="button"
        aria-label={`Know as before version ${correction.version}`}
        onClick={() => {
          onChoose(justBefore(correction.recordedAt));
        }}
      >
        Before it
      </button>
    </li>
  );
}
