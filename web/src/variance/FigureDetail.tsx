/** One figure with its forecast: by how much they differ, and which facts they come from. */

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { FigureSourcesDocument, type ComparedFragment } from '../../generated/operations';
import { figureText, metricTitle, variancePercentText } from '../alerts/metrics';
import { periodText } from '../alerts/period';
import { useFund } from '../fund/fund';
import { useAnswerAt } from '../moment/answerAt';
import { instantText, justBefore } from '../moment/instant';
import { useMoment } from '../moment/moment';
import { Figure } from '../parts/Figure';
import { Answered } from '../parts/Section';
import styles from './FigureDetail.module.css';
import { FLAGS, outcomeOf } from './outcome';

const KINDS = { BUDGET: 'budget', REFORECAST: 're-forecast', UNDERWRITE: 'underwriting' } as const;
const SOURCES = { MANUAL: 'typed in', API: 'sent by a program', IMPORT: 'imported' } as const;

export function figureTitle({ company, metricType, ...period }: ComparedFragment): string {
  return `${company.name}: ${metricTitle(metricType)}, ${periodText(period)}`;
}

export function FigureDetail({ figure }: { figure: ComparedFragment }): ReactNode {
  const { currency } = useFund();
  const { forecast, actual, variance, variancePercent, metricType, flags, company } = figure;
  const { word } = outcomeOf(figure, currency);
  return (
    <div className={styles.detail}>
      <dl className={styles.figures}>
        <div>
          <dt>Forecast</dt>
          <dd>
            <Figure text={forecast === null ? null : figureText(metricType, forecast, currency)} />
          </dd>
        </div>
        <div>
          <dt>Actual</dt>
          <dd>
            <Figure text={actual === null ? null : figureText(metricType, actual, currency)} none="not reported" />
          </dd>
        </div>
        <div>
          <dt>Difference</dt>
          <dd>
            <Figure text={variance === null ? null : figureText(metricType, variance, currency, { signed: true })} />
            {variancePercent !== null && <span className="figure"> ({variancePercentText(variancePercent)})</span>} {word}
          </dd>
        </div>
      </dl>
      <Sources figure={figure} />
      {flags.length > 0 && (
        <ul className={styles.flags}>
          {flags.map((flag) => (
            <li key={flag}>{FLAGS[flag] ?? flag}</li>
          ))}
        </ul>
      )}
      <p>
        <Link to="/funds/$fund/variance" from="/funds/$fund/variance" search={(before) => ({ ...before, view: 'alerts', company: company.companyId, standing: 'all' })}>
          Alerts about {company.name}
        </Link>
      </p>
    </div>
  );
}

function Sources({ figure }: { figure: ComparedFragment }): ReactNode {
  const { timeZone } = useFund();
  const { go } = useMoment();
  const answer = useAnswerAt(FigureSourcesDocument, { company: figure.company.companyId });
  return (
    <Answered answer={answer}>
      {({ fund }) => {
        const forecast = fund?.company?.forecasts.find(({ version }) => version === figure.forecastVersion);
        const actual = fund?.company?.actuals.find(({ version }) => version === figure.actualVersion);
        return (
          <dl className={styles.sources}>
            <dt>Forecast used</dt>
            <dd>
              {figure.forecastVersion === null ? (
                'None in force.'
              ) : (
                <>
                  Version {figure.forecastVersion}
                  {forecast !== undefined && (
                    <>
                      : {KINDS[forecast.kind]} made {instantText(forecast.occurredAt, timeZone)}, learned{' '}
                      {instantText(forecast.recordedAt, timeZone)}
                    </>
                  )}
                </>
              )}
            </dd>
            <dt>Report</dt>
            <dd>
              {figure.actualVersion === null ? (
                'None yet.'
              ) : (
                <>
                  Version {figure.actualVersion}
                  {actual !== undefined && (
                    <>
                      : {SOURCES[actual.source]}, learned {instantText(actual.recordedAt, timeZone)}
                      {figure.flags.includes('RESTATED') && (
                        <button
                          type="button"
                          className={styles.before}
                          onClick={() => {
                            go({ knownAt: justBefore(actual.recordedAt) });
                          }}
                        >
                          As known before
                        </button>
                      )}
                    </>
                  )}
                </>
              )}
            </dd>
          </dl>
        );
      }}
    </Answered>
  );
}
