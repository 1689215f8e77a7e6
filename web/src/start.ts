/** The start page: hands the access token on to GraphiQL. */

import { forgetToken, keepToken, openSession, reloadOnNewLink } from './session';

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`index.html has no ${kind.name} with the id ${id}`);
  }
  return found;
}

const link = element('graphiql', HTMLAnchorElement);
const signIn = element('sign-in', HTMLFormElement);
const field = element('token', HTMLInputElement);
const refused = element('refused', HTMLParagraphElement);
const signedIn = element('signed-in', HTMLParagraphElement);

function show(): void {
  const { token, fund } = session;
  const fragment = new URLSearchParams();
  // In the fragment too: a new browser tab does not share the session storage of this one.
  if (token !== null) {
    fragment.set('token', token);
  }
  if (fund !== null) {
    fragment.set('fund', fund);
  }
  link.href = fragment.size > 0 ? `/graphiql#${fragment}` : '/graphiql';
  signIn.hidden = token !== null;
  signedIn.hidden = token === null;
}

let session = openSession();
reloadOnNewLink();
show();

signIn.addEventListener('submit', (event) => {
  event.preventDefault();
  const kept = keepToken(field.value);
  refused.hidden = kept;
  if (kept) {
    field.value = '';
    session = { ...openSession(), fund: session.fund };
    show();
  }
});

element('forget', HTMLButtonElement).addEventListener('click', () => {
  forgetToken();
  session = { ...session, token: null };
  show();
});
