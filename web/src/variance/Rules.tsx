/** The rules that raise alerts: listed, made, changed and retired. */

import { useMemo, useRef, useState, type ReactNode } from 'react';
import { useMutation } from 'urql';

import { AlertRulesDocument, CompaniesAtDocument, RetireAlertRuleDocument, type RuleSettingFragment } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { instantText } from '../moment/instant';
import { BackToNow } from '../moment/BackToNow';
import { useMoment } from '../moment/moment';
import { Dialog } from '../parts/Dialog';
import { Form, type Refusal } from '../parts/Field';
import { Notice } from '../parts/Notice';
import { Answered, Empty, Section } from '../parts/Section';
import { useAnswer } from '../server/answer';
import { CHANNEL } from './AlertDetail';
import { refusalsOf } from './AlertHandling';
import { draftOf, newRule, type RuleDraft } from './ruleDraft';
import { RuleEditor } from './RuleEditor';
import styles from './Rules.module.css';
import { ladderText, scopeText } from './ruleWords';

interface Editing {
  /** Null for a new rule. */
  rule: RuleSettingFragment | null;
  draft: RuleDraft;
}

export function Rules(): ReactNode {
  const { id: fund, mayManage, role } = useFund();
  const { isNow } = useMoment();
  const answer = useAnswer(AlertRulesDocument, { fund });
  const [editing, setEditing] = useState<Editing | null>(null);
  const [told, setTold] = useState('');
  const list = useRef<HTMLDivElement>(null);
  const writes = mayManage && isNow;
  const finish = (what: string): void => {
    setEditing(null);
    setTold(what);
    list.current?.focus();
  };
  const example = answer.data?.alertRules.find(({ enabled }) => enabled);
  return (
    <div className={styles.views}>
      {writes && editing !== null && (
        <Section title={editing.rule === null ? 'New rule' : `Change “${editing.rule.name}”`}>
          <RuleEditor
            key={editing.rule?.id ?? ''}
            rule={editing.rule}
            first={editing.draft}
            onDone={finish}
            onCancel={() => {
              finish('');
            }}
          />
        </Section>
      )}
      <Section
        title="Rules"
        tools={
          writes &&
          editing === null && (
            <button
              type="button"
              className="primary"
              onClick={() => {
                setTold('');
                // As the others choose their forecasts, unless somebody says otherwise.
                setEditing({
                  rule: null,
                  draft: newRule(example?.forecastPolicy ?? 'LATEST_AT_PERIOD_START', example?.includeBackdated ?? false),
                });
              }}
            >
              New rule
            </button>
          )
        }
      >
        <div ref={list} tabIndex={-1} className={styles.list}>
          <p role="status" className="soft">
            {told}
          </p>
          {!isNow && (
            <Notice title="Rules are shown as they stand now.">
              {mayManage && 'They are changed as of now. '}
              <BackToNow />
            </Notice>
          )}
          {!mayManage && <p className="soft">Managers of the fund set rules; you read them as {role.toLowerCase()}.</p>}
          <Answered answer={answer}>
            {({ alertRules }) =>
              alertRules.length === 0 ? (
                <Empty>No rule yet: no figure raises an alert. Managers of the fund make the first.</Empty>
              ) : (
                <RuleList
                  rules={alertRules}
                  writes={writes && editing === null}
                  onEdit={(rule) => {
                    setTold('');
                    setEditing({ rule, draft: draftOf(rule) });
                  }}
                  onRetired={({ name }) => {
                    finish(`Retired “${name}”.`);
                  }}
                />
              )
            }
          </Answered>
        </div>
      </Section>
    </div>
  );
}

function RuleList(props: {
  rules: readonly RuleSettingFragment[];
  writes: boolean;
  onEdit: (rule: RuleSettingFragment) => void;
  onRetired: (rule: RuleSettingFragment) => void;
}): ReactNode {
  const { rules, writes, onEdit, onRetired } = props;
  const { id: fund, currency, timeZone } = useFund();
  const named = rules.some(({ companyIds }) => companyIds !== null);
  const { data } = useAnswer(CompaniesAtDocument, { fund }, { pause: !named });
  const names = useMemo(
    () => new Map(data?.fund?.portfolioCompanies.map(({ companyId, name }) => [companyId, name])),
    [data],
  );
  const [retiring, setRetiring] = useState<RuleSettingFragment | null>(null);
  return (
    <>
      <ul className={styles.rules}>
        {rules.map((rule) => (
          <li key={rule.id} className={styles.rule}>
            <div>
              <h3>
                {rule.name} {!rule.enabled && <span className={styles.paused}>Paused</span>}
              </h3>
              <p>{scopeText(rule, names)}</p>
              <p>{ladderText(rule, currency)}</p>
              <p className="soft">
                {rule.channels.map((channel) => CHANNEL[channel]).join(', ')} · set {instantText(rule.updatedAt, timeZone)}, version {rule.version}
              </p>
            </div>
            {writes && (
              <div className={styles.actions}>
                <button
                  type="button"
                  aria-label={`Change ${rule.name}`}
                  onClick={() => {
                    onEdit(rule);
                  }}
                >
                  Change
                </button>
                <button
                  type="button"
                  aria-label={`Retire ${rule.name}`}
                  onClick={() => {
                    setRetiring(rule);
                  }}
                >
                  Retire …
                </button>
              </div>
            )}
          </li>
        ))}
      </ul>
      {retiring !== null && (
        <Retire
          rule={retiring}
          onClose={() => {
            setRetiring(null);
          }}
          onDone={() => {
            setRetiring(null);
            onRetired(retiring);
          }}
        />
      )}
    </>
  );
}

function Retire({ rule, onClose, onDone }: { rule: RuleSettingFragment; onClose: () => void; onDone: () => void }): ReactNode {
  const [refusals, setRefusals] = useState<readonly Refusal[]>([]);
  const [{ fetching }, retire] = useMutation(RetireAlertRuleDocument);
  const submit = (): void => {
    void retire({ rule: rule.id }).then((result) => {
      const found = refusalsOf(result, result.data?.retireAlertRule.errors);
      setRefusals(found);
      if (found.length === 0) {
        onDone();
      }
    });
  };
  return (
    <Dialog title={`Retire “${rule.name}”?`} onClose={onClose}>
      <Form refusals={refusals} paths={[]} onSubmit={submit}>
        <p>It is gone for good and its alerts are resolved; both stay in the ledger. To quiet it for a while, pause it instead.</p>
        <p>
          <button type="submit" className="primary" disabled={fetching}>
            Retire
          </button>
        </p>
      </Form>
    </Dialog>
  );
}
