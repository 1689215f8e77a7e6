/**
 * Writes `generated/`: types and documents of every `*.graphql` file under `src`, and the manifest of trusted documents.
 *
 * The manifest holds the very texts that urql sends, so that a server that executes no others answers this page.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { codegen } from '@graphql-codegen/core';
import * as documentNodes from '@graphql-codegen/typed-document-node';
import * as operationTypes from '@graphql-codegen/typescript-operations';
import { formatDocument, stringifyDocument } from '@urql/core';
import { buildSchema, parse } from 'graphql';

const FOLDER = 'generated';

const schemaText = readFileSync('../schema.graphql', 'utf8');
const documents = readdirSync('src', { recursive: true })
  .filter((name) => name.endsWith('.graphql'))
  .sort()
  .map((name) => `src/${name}`)
  .map((location) => ({ location, document: parse(readFileSync(location, 'utf8'), { noLocation: true }) }));

const operations = await codegen({
  filename: `${FOLDER}/operations.ts`,
  schema: parse(schemaText),
  schemaAst: buildSchema(schemaText),
  documents,
  config: {
    useTypeImports: true,
    strictScalars: true,
    // Exact decimals stay the strings they arrive as.
    scalars: { ID: 'string', Money: 'string', Decimal: 'string', DateTime: 'string', Date: 'string', JSON: 'unknown' },
    enumType: 'string-literal',
    inlineFragmentTypes: 'combine',
    avoidOptionals: { field: true },
    immutableTypes: true,
  },
  plugins: [{ operationTypes: {} }, { documentNodes: {} }],
  pluginMap: { operationTypes, documentNodes },
});

const manifest = {};
// From the documents as they were generated: fragments may stand in another order there than in the files.
for (const [, document] of operations.matchAll(/^export const \w+Document = (.+) as unknown as DocumentNode</gm)) {
  const text = stringifyDocument(formatDocument(JSON.parse(document)));
  manifest[`sha256:${createHash('sha256').update(text).digest('hex')}`] = text;
}

mkdirSync(FOLDER, { recursive: true });
writeFileSync(`${FOLDER}/operations.ts`, operations);
writeFileSync(`${FOLDER}/documents.json`, `${JSON.stringify(manifest, null, 2)}\n`);
