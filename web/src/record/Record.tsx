/** Recording: forms for the facts that people record most, and many at once from a spreadsheet. */

import { Link, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { useFund } from '../fund/fund';
import { useMoment } from '../moment/moment';
import { Notice } from '../parts/Notice';
import { FactForm } from './FactForm';
import { formOf, FORMS } from './forms';
import { Import } from './Import';
import styles from './Record.module.css';
import { IMPORT } from './search';

/** Nothing is recorded by who only reads, or while looking at the past. */
export function Record(): ReactNode {
  const { mayWrite } = useFund();
  const { isNow, go } = useMoment();
  if (!mayWrite) {
    return (
      <Notice tone="warn" title="Recording takes an analyst’s role">
        You read this fund. Ask one of its administrators for the role, if you are to record in it.
      </Notice>
    );
  }
  if (!isNow) {
    return (
      <Notice tone="warn" title="Recording is done as of now">
        The page shows the fund at another moment. What is backdated is recorded now, too, with the day it was true from.{' '}
        <button
          type="button"
          onClick={() => {
            go({ at: undefined, knownAt: undefined });
          }}
        >
          Go back to now
        </button>
      </Notice>
    );
  }
  return <Forms />;
}

function Forms(): ReactNode {
  const { form: named, company } = useSearch({ from: '/funds/$fund/record' });
  const form = formOf(named);
  return (
    <div className={styles.parts}>
      <nav aria-label="What to record" className={styles.choices}>
        {FORMS.map(({ body, title }) => (
          <Choice key={body} form={body} title={title} open={named !== IMPORT && form.body === body} />
        ))}
        <Choice form={IMPORT} title="From a spreadsheet" open={named === IMPORT} />
      </nav>
      {named === IMPORT ? (
        <Import />
      ) : (
        <FactForm key={form.body} form={form} given={company === undefined ? {} : { companyId: company }} />
      )}
    </div>
  );
}

function Choice({ form, title, open }: { form: string; title: string; open: boolean }): ReactNode {
  return (
    <Link
      from="/funds/$fund/record"
      to="."
      search={(before) => ({ ...before, form })}
      className="button"
      aria-current={open ? 'page' : undefined}
    >
      {title}
    </Link>
  );
}
