/** Pieces of forms, which show the server's refusals beside what they are about. */

import { createContext, useContext, useId, type ReactNode } from 'react';

import styles from './Field.module.css';
import { Notice } from './Notice';

/** A refusal as the API tells it. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[] | null;
}

const RefusalsContext = createContext<readonly Refusal[]>([]);

/**
 * A form with the refusals of its last try. Each stands by the `Field` whose `path` ends its own path; those of no field
 * are shown on top. `paths` are the paths of the fields there are.
 */
export function Form(props: {
  refusals: readonly Refusal[];
  paths: readonly string[];
  onSubmit: () => void;
  children: ReactNode;
}): ReactNode {
  const { refusals, paths, onSubmit, children } = props;
  const rest = refusals.filter((refusal) => !paths.some((path) => isAbout(refusal, path)));
  return (
    <RefusalsContext.Provider value={refusals}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {rest.map((refusal) => (
          <Notice key={refusal.message} tone="bad">
            {refusal.message}
          </Notice>
        ))}
        {children}
      </form>
    </RefusalsContext.Provider>
  );
}

function isAbout(refusal: Refusal, path: string): boolean {
  const told = (refusal.path ?? []).join('.');
  return told === path || told.endsWith(`.${path}`);
}

/** What a field's control needs: its id, and what describes it. */
export interface Control {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean | undefined;
}

interface Asked {
  label: string;
  path?: string;
  hint?: string;
}

/** What is said about a question beside it: its hint, and the refusals whose path ends with its own. */
function useRemarks({ path, hint }: Asked): { id: string; described: string | undefined; refused: boolean; remarks: ReactNode } {
  const id = useId();
  const refusals = useContext(RefusalsContext).filter((refusal) => path !== undefined && isAbout(refusal, path));
  const refused = refusals.length > 0;
  const described = [hint === undefined ? '' : `${id}-hint`, refused ? `${id}-refused` : ''].filter(Boolean).join(' ');
  const remarks = (
    <>
      {hint !== undefined && (
        <p id={`${id}-hint`} className={styles.hint}>
          {hint}
        </p>
      )}
      {refused && (
        <p id={`${id}-refused`} className={styles.refused} role="alert">
          {refusals.map(({ message }) => message).join(' ')}
        </p>
      )}
    </>
  );
  return { id, described: described || undefined, refused, remarks };
}

/** A labelled control, with a hint and the refusals whose path ends with `path`. */
export function Field(props: Asked & { children: (control: Control) => ReactNode }): ReactNode {
  const { id, described, refused, remarks } = useRemarks(props);
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{props.label}</label>
      {props.children({ id, 'aria-describedby': described, 'aria-invalid': refused || undefined })}
      {remarks}
    </div>
  );
}

/** Controls that answer one question, such as boxes to tick, with what was refused about all of them. */
export function FieldGroup(props: Asked & { children: ReactNode }): ReactNode {
  const { described, remarks } = useRemarks(props);
  return (
    <fieldset className={styles.group} aria-describedby={described}>
      <legend>{props.label}</legend>
      {props.children}
      {remarks}
    </fieldset>
  );
}
