/** Asking for a run: one button, and its options for who wants others than usual. */

import { useState, type ReactNode } from 'react';
import { useMutation } from 'urql';

import { AskForRunDocument } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { dayText, instantText, isDay } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Form, type Refusal } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { faultOf, type Fault } from '../server/fault';
import { DEFAULTS, optionsOf, type Asked } from './asked';
import { FIELDS, Options } from './Options';
import styles from './RunForm.module.css';

interface Props {
  /** What the options are at first; where they are another run's, they are open. */
  first: Asked;
  going: boolean;
  onAsked: (run: string) => void;
}

/** Asks for a run at the moment on the page, and tells its id. */
export function RunForm({ first, going, onAsked }: Props): ReactNode {
  const { id: fundId, timeZone } = useFund();
  const { at, shownAt, knownAt, isNow } = useMoment();
  const [asked, setAsked] = useState(first);
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const [fault, setFault] = useState<Fault | null>(null);
  const [open, setOpen] = useState(first !== DEFAULTS);
  const [{ fetching }, ask] = useMutation(AskForRunDocument);

  const submit = async (): Promise<void> => {
    setFault(null);
    const read = optionsOf(asked);
    setRefusals(read.refusals);
    if (read.refusals.length > 0) {
      setOpen(true);
      return;
    }
    const { data, error } = await ask({ input: { fundId, at, knownAt, options: read.options } });
    if (error !== undefined) {
      setFault(faultOf(error));
      return;
    }
    const { run, errors } = data?.calculateOptimalReserves ?? { run: null, errors: [] };
    setRefusals(errors);
    if (errors.length > 0) {
      setOpen(true);
    }
    if (run !== null) {
      setOpen(false);
      onAsked(run.id);
    }
  };
  const paths = [
    ...FIELDS,
    ...asked.maxPerStage.flatMap((_, place) => [`maxPerStage.${place}.stage`, `maxPerStage.${place}.max`]),
    ...asked.commitments.flatMap((_, place) => [`commitments.${place}.companyId`, `commitments.${place}.amount`]),
  ];
  return (
    <Form refusals={refusals} paths={paths} onSubmit={() => void submit()}>
      <div className={styles.ask}>
        <button className="primary" disabled={fetching || going}>
          {isNow ? 'Run optimal reserves' : `Run as of ${shownAt === undefined ? 'today' : isDay(shownAt) ? dayText(shownAt) : instantText(shownAt, timeZone)}`}
        </button>
        <p className="soft">
          {isNow
            ? 'Computes where the next follow-on dollar earns most, and how to split the reserve pool. Nothing of the fund changes.'
            : `Computes what the recommendation would have been at the moment on the page, as far as that ${knownAt === null ? 'is known now' : 'was known then'}. Nothing of the fund changes.`}
        </p>
      </div>
      {fault !== null && (
        <Notice tone="bad" title={fault.title}>
          {fault.advice}
        </Notice>
      )}
      <details
        className={styles.options}
        open={open}
        onToggle={(event) => {
          setOpen(event.currentTarget.open);
        }}
      >
        <summary>Options</summary>
        {open && <Options asked={asked} onChange={setAsked} />}
      </details>
    </Form>
  );
}
