/** Saved scenarios: plans under a name, to come back to and compare. */

import { useMemo, useState, type ReactNode } from 'react';
import { useMutation } from 'urql';

import { ReserveScenariosDocument, SaveScenarioDocument, type ReserveScenariosQuery, type ReserveStrategy } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { instantText } from '../moment/instant';
import { Dialog } from '../parts/Dialog';
import { Field, Form, type Refusal } from '../parts/Field';
import { Money } from '../parts/Figure';
import { Answered, Empty, Section } from '../parts/Section';
import { Table, type Column } from '../parts/Table';
import { useAnswer } from '../server/answer';
import { faultOf } from '../server/fault';
import styles from './Scenarios.module.css';
import type { Plan, Run } from './run';
import { ToRun } from './ToRun';
import { STRATEGY } from './words';

type Scenario = ReserveScenariosQuery['reserveScenarios'][number];

/** The scenarios of the fund; a manager may add the run that is open. */
export function Scenarios({ run }: { run: Run | undefined }): ReactNode {
  const { id: fund, timeZone, mayManage } = useFund();
  const answer = useAnswer(ReserveScenariosDocument, { fund });
  const [saving, setSaving] = useState(false);
  const [saved, setSaved] = useState('');
  const columns = useMemo(() => columnsOf(timeZone), [timeZone]);
  return (
    <Section
      title="Saved scenarios"
      tools={
        mayManage &&
        run !== undefined && (
          <button
            type="button"
            onClick={() => {
              setSaving(true);
            }}
          >
            Save this run as a scenario
          </button>
        )
      }
    >
      <p className="soft" role="status">
        {saved === '' ? '' : `Saved as “${saved}”.`}
      </p>
      <Answered answer={answer}>
        {({ reserveScenarios }) =>
          reserveScenarios.length === 0 ? (
            <Empty>
              No plan has been kept under a name yet.{' '}
              {mayManage ? 'Save a run’s plan to come back to it and compare it with others.' : 'A manager of the fund may save one.'}
            </Empty>
          ) : (
            <Table
              caption="Saved scenarios"
              quiet
              columns={columns}
              rows={reserveScenarios}
              rowKey={({ id }) => id}
              search={reserveScenarios.length > 20}
            />
          )
        }
      </Answered>
      {saving && run !== undefined && (
        <Save
          run={run}
          onClose={() => {
            setSaving(false);
          }}
          onSaved={(name) => {
            setSaved(name);
            setSaving(false);
            answer.again();
          }}
        />
      )}
    </Section>
  );
}

function Save({ run, onClose, onSaved }: { run: Run; onClose: () => void; onSaved: (name: string) => void }): ReactNode {
  const { id: fundId } = useFund();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [strategy, setStrategy] = useState<ReserveStrategy>(run.plans[0]?.strategy ?? 'OPTIMAL');
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const [{ fetching }, save] = useMutation(SaveScenarioDocument);
  const submit = async (): Promise<void> => {
    const { data, error } = await save({ input: { fundId, runId: run.id, name, strategy, description: description.trim() === '' ? null : description } });
    if (error !== undefined) {
      const { title, advice } = faultOf(error);
      setRefusals([{ code: '', message: `${title}. ${advice}`, path: null }]);
      return;
    }
    setRefusals(data?.saveReserveScenario.errors ?? []);
    const kept = data?.saveReserveScenario.scenario;
    if (kept !== null && kept !== undefined) {
      onSaved(kept.name);
    }
  };
  return (
    <Dialog title="Save as a scenario" onClose={onClose}>
      <Form refusals={refusals} paths={['name', 'strategy', 'description']} onSubmit={() => void submit()}>
        <Field label="Name" path="name">
          {(control) => (
            <input
              {...control}
              required
              value={name}
              onChange={({ target }) => {
                setName(target.value);
              }}
            />
          )}
        </Field>
        <Field label="Plan" path="strategy" hint="Whose plan of the run is kept.">
          {(control) => (
            <select
              {...control}
              value={strategy}
              onChange={({ target }) => {
                setStrategy(target.value as ReserveStrategy);
              }}
            >
              {run.plans.map((plan) => (
                <option key={plan.strategy} value={plan.strategy}>
                  {STRATEGY[plan.strategy]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Description" path="description" hint="What it is for. May be left empty.">
          {(control) => (
            <textarea
              {...control}
              rows={2}
              value={description}
              onChange={({ target }) => {
                setDescription(target.value);
              }}
            />
          )}
        </Field>
        <div>
          <button className="primary" disabled={fetching}>
            Save
          </button>
        </div>
      </Form>
    </Dialog>
  );
}

type PlanFigure = 'expectedValue' | 'proceedsP05' | 'proceedsP50' | 'proceedsP95' | 'worstFivePercentMean' | 'totalAllocated';

function amountOf(key: PlanFigure & keyof Plan, title: string): Column<Scenario> {
  return { key, title, numeric: true, value: ({ plan }) => plan[key], show: ({ plan }) => <Money amount={plan[key]} /> };
}

function columnsOf(zone: string): readonly Column<Scenario>[] {
  return [
    {
      key: 'name',
      title: 'Name',
      value: ({ name }) => name,
      show: ({ name, description }) => (
        <>
          {name}
          {description !== null && <span className={styles.description}>{description}</span>}
        </>
      ),
    },
    { key: 'strategy', title: 'Plan', value: ({ plan }) => STRATEGY[plan.strategy] },
    amountOf('expectedValue', 'Expected value'),
    amountOf('proceedsP05', 'Proceeds P05'),
    amountOf('proceedsP50', 'P50'),
    amountOf('proceedsP95', 'P95'),
    amountOf('worstFivePercentMean', 'Worst 5% mean'),
    amountOf('totalAllocated', 'Allocated'),
    { key: 'of', title: 'Of the fund at', value: ({ run }) => run.at, show: ({ run }) => instantText(run.at, zone) },
    {
      key: 'saved',
      title: 'Saved',
      value: ({ createdAt }) => createdAt,
      show: ({ createdAt, createdBy }) => `${instantText(createdAt, zone)}, ${createdBy}`,
    },
    {
      key: 'open',
      title: 'Go to',
      value: () => null,
      show: ({ name, run }) => (
        <ToRun run={run} label={`Open the run of ${name}`}>
          Open
        </ToRun>
      ),
    },
  ];
}
