/** The marginal curve of one company: what the next dollar earns, the more is reserved. */

import { useNavigate } from '@tanstack/react-router';
import { useId, useMemo, type ReactNode } from 'react';

import { RunCurvesDocument } from '../../generated/operations';
import { useFund } from '../fund/fund';
import { Chart, type Line } from '../parts/Chart';
import { Money, Multiple } from '../parts/Figure';
import { compareDecimals, minus, moneyText, multipleText, percentText, shortMoney, signOf } from '../parts/money';
import { Answered, Empty, Section } from '../parts/Section';
import { useAnswer } from '../server/answer';
import styles from './Curve.module.css';
import { Meaning, type Term } from './Meaning';
import type { Recommendation, Run } from './run';
import type { ReservesSearch } from './search';

const TERMS: readonly Term[] = [
  ['Next dollar', 'Expected MOIC of the next dollar once so much new money is reserved. It changes in steps: a reserve is spent round by round. The curve is told at twelve reserves.'],
  ['Chance', 'That the next dollar is deployed at all: that the company raises the round in which it would be spent.'],
  ['Planned', 'New money that the plan of record holds for the company: planned in total, less deployed.'],
  ['Recommended', 'New money that the recommended plan gives it.'],
];

export function Curve({ run, company }: { run: Run; company: string | undefined }): ReactNode {
  const answer = useAnswer(RunCurvesDocument, { run: run.id });
  const navigate = useNavigate({ from: '/funds/$fund/reserves' });
  const choice = useId();
  const chosen = run.recommendations.find(({ companyId }) => companyId === company) ?? run.recommendations[0];
  return (
    <div id="curve" className={styles.place}>
      <Section
        title="Marginal curve"
        tools={
          <>
            <span className={styles.choice}>
              <label htmlFor={choice}>Company</label>{' '}
              <select
                id={choice}
                value={chosen?.companyId ?? ''}
                onChange={({ target }) => {
                  void navigate({
                    to: '.',
                    replace: true,
                    resetScroll: false,
                    search: (before: ReservesSearch) => ({ ...before, company: target.value }),
                  });
                }}
              >
                {run.recommendations.map(({ companyId, companyName }) => (
                  <option key={companyId} value={companyId}>
                    {companyName}
                  </option>
                ))}
              </select>
            </span>
            <Meaning of="the marginal curve" terms={TERMS} />
          </>
        }
      >
        {chosen === undefined ? (
          <Empty>No company is ranked, so there is no curve.</Empty>
        ) : (
          <Answered answer={answer}>
            {({ node }) => {
              const found = node !== null && 'recommendations' in node ? node.recommendations : [];
              const points = found.find(({ companyId }) => companyId === chosen.companyId)?.curve;
              return points === undefined ? <Empty>This run has no curve of the company.</Empty> : <Drawn key={chosen.companyId} one={chosen} points={points} />;
            }}
          </Answered>
        )}
      </Section>
    </div>
  );
}

type Points = readonly { readonly reserve: string; readonly marginalMoic: number; readonly probabilityDeployed: number }[];

function Drawn({ one, points }: { one: Recommendation; points: Points }): ReactNode {
  const { currency } = useFund();
  const left = minus(one.currentReserveAllocation, one.deployedReserves);
  const planned = signOf(left) < 0 ? '0.00' : left;
  const recommended = minus(one.recommendedAllocation, one.deployedReserves);
  const x = useMemo(() => points.map(({ reserve }) => Number(reserve)), [points]);
  const moic = useMemo(
    (): Line[] => [
      {
        label: 'Next dollar',
        values: points.map(({ marginalMoic }) => marginalMoic),
        text: (index) => (points[index] === undefined ? null : multipleText(points[index].marginalMoic)),
        tone: 1,
        kind: 'step',
      },
    ],
    [points],
  );
  const chance = useMemo(
    (): Line[] => [
      {
        label: 'Chance that it is deployed',
        values: points.map(({ probabilityDeployed }) => probabilityDeployed),
        text: (index) => (points[index] === undefined ? null : percentText(points[index].probabilityDeployed)),
        tone: 3,
        dash: [6, 4],
        kind: 'step',
      },
    ],
    [points],
  );
  const marks = useMemo(
    () => [
      { x: Number(planned), label: `Planned ${shortMoney(planned, currency)}`, dash: [3, 3] },
      { x: Number(recommended), label: `Recommended ${shortMoney(recommended, currency)}` },
    ],
    [planned, recommended, currency],
  );
  const last = points.at(-1);
  if (last === undefined) {
    return <Empty>No round to come takes another dollar.</Empty>;
  }
  const there = pointAt(points, recommended);
  const beyond = compareDecimals(planned, last.reserve) > 0;
  const summary = `The first dollar earns ${multipleText(one.followOnMultiple)}; at the largest reserve drawn, ${moneyText(last.reserve, currency)}, the next one earns ${multipleText(last.marginalMoic)}. Planned: ${moneyText(planned, currency)}. Recommended: ${moneyText(recommended, currency)}.`;
  const axes = { x, xTitle: 'New money reserved', xText: (at: number) => moneyText(at.toFixed(2), currency), xAxisText: (at: number) => shortMoney(at, currency), marked: marks };
  return (
    <>
      <dl className={styles.places}>
        <div>
          <dt>Planned, not yet deployed</dt>
          <dd>
            <Money amount={planned} /> <span className="soft">next dollar</span> <Multiple of={one.marginalAtPlanned} />
          </dd>
        </div>
        <div>
          <dt>Recommended, new money</dt>
          <dd>
            <Money amount={recommended} /> <span className="soft">next dollar</span> <Multiple of={there?.marginalMoic ?? null} />
          </dd>
        </div>
      </dl>
      {one.marginalAtPlanned === null && beyond && (
        <p className="soft">What is planned is more than the rounds to come can take, so it lies beyond the curve.</p>
      )}
      <Chart {...axes} title={`${one.companyName}: expected MOIC of the next dollar`} summary={summary} lines={moic} axisText={multipleText} height={230} />
      <Chart
        {...axes}
        title={`${one.companyName}: chance that the next dollar is deployed`}
        summary={`${percentText(points[0]?.probabilityDeployed ?? 0)} for the first dollar, ${percentText(last.probabilityDeployed)} at the largest reserve drawn.`}
        lines={chance}
        axisText={(share) => percentText(share, 0)}
        height={160}
      />
    </>
  );
}

/** The curve's last point at or before a reserve: what it says holds until the next. */
function pointAt(points: Points, reserve: string): Points[number] | undefined {
  return points.findLast((point) => compareDecimals(point.reserve, reserve) <= 0);
}
