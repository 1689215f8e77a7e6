/** Figures against forecasts: by company, metric or period, as a heat map or a table, and summed up. */

import type { ReactNode } from 'react';

import { VarianceGroupsDocument, type VarianceGrouping } from '../../generated/operations';
import { useAnswerAt } from '../moment/answerAt';
import { useMoment } from '../moment/moment';
import { Answered, Section } from '../parts/Section';
import { useBasis, type Basis } from './basis';
import { Choice } from './Choice';
import { useChoose, useVarianceSearch } from './choose';
import { Compared, useFigures } from './Compared';
import { BasisChoice, Range } from './FigureChoices';
import styles from './Figures.module.css';
import { FigureTable } from './FigureTable';
import { Groups } from './Groups';
import type { Group } from './search';
import { Slice } from './Slice';

const GROUPS = [
  ['company', 'By company'],
  ['metric', 'By metric'],
  ['period', 'By period'],
] as const;

const SHOWN = [
  ['map', 'Heat map'],
  ['table', 'Table'],
] as const;

export function Figures(): ReactNode {
  const { group = 'company', as = 'map' } = useVarianceSearch();
  const choose = useChoose();
  const { basis, byRules, rules } = useBasis();
  const from = useFrom();
  return (
    <div className={styles.views}>
      <Section
        title="Figures against forecasts"
        tools={
          <Choice
            label="Shown as"
            choices={SHOWN}
            chosen={as}
            onChoose={(key) => {
              choose({ as: key === 'table' ? key : undefined });
            }}
          />
        }
      >
        <div className={styles.choices}>
          <Choice
            label="Grouped"
            choices={GROUPS}
            chosen={group}
            onChoose={(key) => {
              choose({ group: key === 'company' ? undefined : key });
            }}
          />
          {(group !== 'period' || as === 'table') && <Range from={from} />}
          <BasisChoice basis={basis} byRules={byRules} />
        </div>
        {basis === null ? (
          <Answered answer={rules}>{() => null}</Answered>
        ) : as === 'table' ? (
          <WholeTable basis={basis} from={from} />
        ) : (
          <Slice key={group} group={group} basis={basis} from={from} />
        )}
      </Section>
      <Section title={`Summed up by ${group}, all periods`}>
        {basis === null ? <Answered answer={rules}>{() => null}</Answered> : <Summary key={group} group={group} basis={basis} />}
      </Section>
    </div>
  );
}

function Summary({ group, basis: { policy, late } }: { group: Group; basis: Basis }): ReactNode {
  const { moving } = useMoment();
  const asked = { groupBy: group.toUpperCase() as VarianceGrouping, policy, late };
  const answer = useAnswerAt(VarianceGroupsDocument, asked, { pause: moving });
  return <Answered answer={answer}>{({ varianceSummary }) => <Groups rows={varianceSummary} group={group} />}</Answered>;
}

/** From when on periods are shown: two whole years back, so that most steps of the time bar ask for the same. */
function useFrom(): string {
  const { day } = useMoment();
  const { from } = useVarianceSearch();
  return from ?? `${Number(day.slice(0, 4)) - 2}-01-01`;
}

function WholeTable({ basis, from }: { basis: Basis; from: string }): ReactNode {
  const { to } = useVarianceSearch();
  const { moving } = useMoment();
  const answer = useFigures({ periodFrom: from, periodTo: to ?? null }, basis, moving);
  return (
    <Compared answer={answer} basis={basis}>
      {(figures) => <FigureTable figures={figures} />}
    </Compared>
  );
}
