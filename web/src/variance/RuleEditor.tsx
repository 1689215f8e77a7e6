/** A rule to make or change, with what it would have done lately beside it. */

import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { useMutation } from 'urql';

import { CreateAlertRuleDocument, PreviewAlertRuleDocument, UpdateAlertRuleDocument, type RuleSettingFragment, type RungCombination, type VarianceDirection } from '../../generated/operations';
import { METRIC_TYPES, metricTitle } from '../alerts/metrics';
import { useFund } from '../fund/fund';
import { Field, FieldGroup, Form, type Refusal } from '../parts/Field';
import { useAnswer } from '../server/answer';
import { refusalsOf } from './AlertHandling';
import { byField, inputOf, type RuleDraft } from './ruleDraft';
import { Ladder } from './Ladder';
import { Channels, Finer, options, Scope } from './RuleParts';
import { RulePreview } from './RulePreview';
import styles from './Rules.module.css';
import { COMBINE, DIRECTION } from './ruleWords';
import { Ticks } from './Ticks';

/** So long nothing is asked after a keystroke. */
const QUIET = 300;
const FIELDS = ['name', 'metrics', 'direction', 'combine', 'companyIds', 'stages', 'persistence', 'persistenceWindow', 'clearAt', 'forecastPolicy', 'channels', 'cooldownMinutes', 'ladder'];

export function RuleEditor(props: {
  rule: RuleSettingFragment | null;
  first: RuleDraft;
  onDone: (what: string) => void;
  onCancel: () => void;
}): ReactNode {
  const { rule, first, onDone, onCancel } = props;
  const { id: fund } = useFund();
  const [draft, setDraft] = useState(first);
  const [refused, setRefused] = useState<readonly Refusal[]>([]);
  const [creating, create] = useMutation(CreateAlertRuleDocument);
  const [updating, update] = useMutation(UpdateAlertRuleDocument);
  const change = (changed: Partial<RuleDraft>): void => {
    setDraft({ ...draft, ...changed });
    setRefused([]);
  };
  const written = useMemo(() => inputOf(draft, fund), [draft, fund]);
  const { input, refusals: unread } = written;
  const settled = useSettled(written);
  // A rule can be tried before it has a name.
  const preview = useAnswer(
    PreviewAlertRuleDocument,
    { input: { ...settled.input, name: settled.input.name === '' ? '?' : settled.input.name } },
    { pause: settled.refusals.length > 0 },
  );
  const told = preview.stale || settled !== written ? [] : (preview.data?.previewAlertRule.errors ?? []);
  const refusals = byField(unread.length > 0 ? unread : refused.length > 0 ? refused : told);
  const used = draft.rungs.filter((rung) => rung.used).length;
  const paths = [...FIELDS, ...Array.from({ length: used }, (_, n) => [`ladder.${n}`, `ladder.${n}.percent`, `ladder.${n}.absolute`]).flat()];

  const save = (): void => {
    if (unread.length > 0) {
      return;
    }
    const saved =
      rule === null
        ? create({ input }).then((result) => refusalsOf(result, result.data?.createAlertRule.errors))
        : update({ rule: rule.id, input }).then((result) => refusalsOf(result, result.data?.updateAlertRule.errors));
    void saved.then((found) => {
      setRefused(found);
      if (found.length === 0) {
        onDone(`Saved “${input.name}”. It rates what is reported from now on.`);
      }
    });
  };

  return (
    <div className={styles.editor}>
      <Form refusals={refusals} paths={paths} onSubmit={save}>
        <Field label="Name" path="name">
          {(control) => (
            <input
              {...control}
              value={draft.name}
              onChange={({ target }) => {
                change({ name: target.value });
              }}
            />
          )}
        </Field>
        <FieldGroup label="Figures" path="metrics">
          <Ticks
            choices={METRIC_TYPES.map((metric) => [metric, metricTitle(metric)] as const)}
            chosen={draft.metrics}
            onChoose={(metrics) => {
              change({ metrics });
            }}
          />
        </FieldGroup>
        <Field label="Alerts when they are" path="direction">
          {(control) => (
            <select
              {...control}
              value={draft.direction}
              onChange={({ target }) => {
                change({ direction: target.value as VarianceDirection });
              }}
            >
              {options(DIRECTION)}
            </select>
          )}
        </Field>
        <Ladder
          rungs={draft.rungs}
          onChange={(rungs) => {
            change({ rungs });
          }}
        />
        <Field label="A severity asks for" path="combine">
          {(control) => (
            <select
              {...control}
              value={draft.combine}
              onChange={({ target }) => {
                change({ combine: target.value as RungCombination });
              }}
            >
              {options(COMBINE)}
            </select>
          )}
        </Field>
        <Scope draft={draft} change={change} />
        <Finer draft={draft} change={change} />
        <Channels draft={draft} change={change} />
        <label className={styles.tick}>
          <input
            type="checkbox"
            checked={draft.enabled}
            onChange={({ target }) => {
              change({ enabled: target.checked });
            }}
          />
          Rates new figures; a paused rule keeps its alerts quiet
        </label>
        <p className={styles.actions}>
          <button type="submit" className="primary" disabled={creating.fetching || updating.fetching}>
            {rule === null ? 'Make the rule' : 'Save the changes'}
          </button>
          <button type="button" onClick={onCancel}>
            Cancel
          </button>
        </p>
      </Form>
      <RulePreview answer={preview} waits={unread.length > 0} stale={settled !== written} />
    </div>
  );
}

/** A value once it has been the same for a while. */
function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(value);
    }, QUIET);
    return () => {
      clearTimeout(timer);
    };
  }, [value]);
  return settled;
}
