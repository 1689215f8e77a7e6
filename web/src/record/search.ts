/** Which form is open, and what it begins with, in the address. */

import { FORMS } from './forms';

export interface RecordSearch {
  /** Name of the fact’s body, or `import`. */
  form?: string | undefined;
  /** The company that the form begins with. */
  company?: string | undefined;
}

export const IMPORT = 'import';

export function recordSearch({ form, company }: Record<string, unknown>): RecordSearch {
  return {
    ...(form === IMPORT || FORMS.some(({ body }) => body === form) ? { form: String(form) } : {}),
    // Keys of digits arrive as numbers.
    ...(typeof company === 'string' || typeof company === 'number' ? { company: String(company) } : {}),
  };
}
