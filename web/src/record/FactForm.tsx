/** A form for one fact: typed, checked, stated, and recorded once. */

import { useState, type ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { Field, Form, type Refusal } from '../parts/Field';
import { Section } from '../parts/Section';
import { FactControl } from './FactControl';
import styles from './FactForm.module.css';
import type { FactSpec } from './forms';
import { Outcome } from './Outcome';
import { instantIn } from './reading';
import { useRecorder } from './recorder';
import { Statement } from './Statement';
import { bodyOf, PERIOD_FIELDS, periodCount, type Values } from './values';

/** Begins with `given` values, such as the company of the link that led here. */
export function FactForm({ form, given }: { form: FactSpec; given: Values }): ReactNode {
  const { timeZone } = useFund();
  const recorder = useRecorder();
  const [values, setValues] = useState<Values>(given);
  const [wrong, setWrong] = useState<readonly Refusal[]>([]);
  const { stage } = recorder;

  const change = (changed: Values): void => {
    setValues((before) => ({ ...before, ...changed }));
    setWrong([]);
    if (stage.name !== 'recording') {
      recorder.reset();
    }
  };
  const submit = (): void => {
    const read = bodyOf(form, values);
    if ('refusals' in read) {
      recorder.reset();
      setWrong(read.refusals);
      return;
    }
    const [day = '', time = ''] = [values['day'], values['time']];
    const when = day === '' ? {} : { occurredAt: instantIn(day, time, timeZone) };
    void recorder.check([{ event: read.body, ...when }]);
  };
  const refusals = stage.name === 'refused' ? stage.refusals : wrong;
  const event = stage.name === 'checked' || stage.name === 'recording' ? stage.events[0] : undefined;
  return (
    <Section title={form.title}>
      <Form refusals={refusals} paths={pathsOf(form, values)} onSubmit={submit}>
        <p className="soft">{form.about}</p>
        {/* What is on its way stays as it was stated. */}
        <fieldset disabled={stage.name === 'recording' || stage.name === 'recorded'} className={styles.fields}>
          <legend className="spoken">{form.title}</legend>
          {form.fields.map((field) => (
            <FactControl key={field.name} field={field} values={values} onChange={change} />
          ))}
          <When values={values} onChange={change} />
        </fieldset>
        <Outcome recorder={recorder} checkText="Check" recordText="Record it">
          {event !== undefined && <Statement form={form} fact={event} />}
        </Outcome>
        {stage.name === 'recorded' && (
          <div>
            <button
              type="button"
              onClick={() => {
                setValues({});
                recorder.reset();
              }}
            >
              Record another one
            </button>
          </div>
        )}
      </Form>
    </Section>
  );
}

function pathsOf(form: FactSpec, values: Values): string[] {
  const periods = Array.from({ length: periodCount(values) }, (_, place) =>
    PERIOD_FIELDS.map((name) => `periods.${place}.${name}`),
  );
  return [...form.fields.filter(({ kind }) => kind !== 'periods').map(({ name }) => name), ...periods.flat(), 'occurredAt'];
}

/** When it was true. */
function When({ values, onChange }: { values: Values; onChange: (changed: Values) => void }): ReactNode {
  const { timeZone } = useFund();
  return (
    <>
      <Field label="True from (optional)" path="occurredAt" hint={`A day in the fund’s time zone, ${timeZone}. Left out, it is now.`}>
        {(control) => (
          <input
            {...control}
            type="date"
            value={values['day'] ?? ''}
            onChange={(event) => {
              onChange({ day: event.target.value });
            }}
          />
        )}
      </Field>
      <Field label="At (optional)" hint="A time of that day. Left out, it is the day’s start.">
        {(control) => (
          <input
            {...control}
            type="time"
            disabled={(values['day'] ?? '') === ''}
            value={values['time'] ?? ''}
            onChange={(event) => {
              onChange({ time: event.target.value });
            }}
          />
        )}
      </Field>
    </>
  );
}
