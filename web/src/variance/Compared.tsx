/** Figures with their forecasts, asked for and in every state. */

import type { ReactNode } from 'react';

import { VariancesDocument, type ComparedFragment, type VarianceFilter, type VariancesQuery } from '../../generated/operations';
import { NoSuchFund } from '../layout/states';
import { useAnswerAt } from '../moment/answerAt';
import { Answered, Empty } from '../parts/Section';
import type { Answer } from '../server/answer';
import type { Basis } from './basis';
import { useChoose } from './choose';
import styles from './Figures.module.css';

/** The figures that a filter lets through, at the moment on the page. */
export function useFigures(filter: VarianceFilter, { policy, late }: Basis, pause: boolean): Answer<VariancesQuery> {
  return useAnswerAt(VariancesDocument, { filter: { ...filter, forecastPolicy: policy, includeBackdated: late } }, { pause });
}

/** Shows figures once they are there; says where there are none, and where forecasts were left out. */
export function Compared(props: {
  answer: Answer<VariancesQuery>;
  basis: Basis;
  children: (figures: readonly ComparedFragment[]) => ReactNode;
}): ReactNode {
  const { answer, basis, children } = props;
  return (
    <Answered answer={answer}>
      {({ fund }) => {
        if (fund === null) {
          return <NoSuchFund />;
        }
        if (fund.variances.length === 0) {
          return <Empty>Nobody had reported such a figure, or owed one, at this moment. Choose another figure or other periods.</Empty>;
        }
        return (
          <>
            {!basis.late && <LeftOut figures={fund.variances} basis={basis} />}
            {children(fund.variances)}
          </>
        );
      }}
    </Answered>
  );
}

function LeftOut({ figures, basis }: { figures: readonly ComparedFragment[]; basis: Basis }): ReactNode {
  const choose = useChoose();
  const count = figures.filter(({ flags }) => flags.includes('BACKDATED_IGNORED')).length;
  return (
    count > 0 && (
      <p className={styles.aside}>
        {count === 1 ? 'One figure has' : `${count} figures have`} a forecast that was recorded too late to have been in force; it isn’t counted.{' '}
        <button
          type="button"
          onClick={() => {
            choose({ forecasts: basis.policy, late: true });
          }}
        >
          Count late ones too
        </button>
      </p>
    )
  );
}
