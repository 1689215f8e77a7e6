/** GraphiQL for this server, with the access token filled in and nothing fetched from elsewhere. */

import 'graphiql/setup-workers/vite';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import '@graphiql/plugin-explorer/style.css';
import 'graphiql/graphiql.css';
import './graphiql.css';

import { explorerPlugin } from '@graphiql/plugin-explorer';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { createRoot } from 'react-dom/client';

import { examples } from './examples';
import { createFetcher } from './fetcher';
import { hasTabs, turnTabsTo, withoutHeaders } from './saved';
import { openSession, reloadOnNewLink } from './session';

const { token, fund } = openSession();
reloadOnNewLink();

if (fund !== null) {
  turnTabsTo(fund);
}

const authority: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` };
const headers = JSON.stringify({ Authorization: `Bearer ${token ?? ''}` }, null, 2);

// Without these the variables editor takes exact decimals for numbers and refuses objects as JSON.
const SCALARS = {
  Date: { type: 'string' },
  DateTime: { type: 'string' },
  Decimal: { type: 'string' },
  JSON: {},
  Money: { type: 'string' },
} as const;

const explorer = explorerPlugin();
const tabs = examples(fund).map((example) => ({ ...example, headers }));

const root = document.getElementById('root');
if (root === null) {
  throw new Error('graphiql.html has no element with the id root');
}

createRoot(root).render(
  <GraphiQL
    fetcher={createFetcher(authority)}
    plugins={[HISTORY_PLUGIN, explorer]}
    visiblePlugin={explorer}
    defaultTabs={tabs}
    // GraphiQL takes the query of the first default tab by itself, but not its variables.
    {...(hasTabs() ? {} : { initialVariables: tabs[0]?.variables ?? '' })}
    defaultHeaders={headers}
    defaultEditorToolsVisibility="variables"
    storage={withoutHeaders(headers)}
    shouldPersistHeaders={false}
    inputValueDeprecation
    customScalarSchemas={SCALARS}
  >
    <GraphiQL.Logo>
      <a className="graphiql-logo-link" href="/">
        Drypowder
      </a>
    </GraphiQL.Logo>
  </GraphiQL>,
);
