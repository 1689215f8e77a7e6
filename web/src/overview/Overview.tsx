/** The overview: how the fund stands at the moment, in one glance. */

import type { ReactNode } from 'react';

import { KeyFiguresDocument } from '../../generated/operations';
import { useAnswerAt } from '../moment/answerAt';
import { Answered, Section } from '../parts/Section';
import { NoSuchFund } from '../layout/states';
import { KeyFigures } from './KeyFigures';

export function Overview(): ReactNode {
  const answer = useAnswerAt(KeyFiguresDocument, {});
  return (
    <Section title="Key figures">
      <Answered answer={answer}>{({ fund }) => (fund === null ? <NoSuchFund /> : <KeyFigures state={fund} />)}</Answered>
    </Section>
  );
}
