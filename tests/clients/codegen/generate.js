// The codegen client preset on schema.graphql and feed.ts, as the codegen command runs it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, parse } from "graphql";

const source = readFileSync("feed.ts", "utf8");
const schema = buildSchema(readFileSync("schema.graphql", "utf8"));
const documents = [...source.matchAll(/\/\* GraphQL \*\/ `([^`]*)`/g)].map(([, rawSDL]) => ({
  location: "feed.ts",
  rawSDL,
  document: parse(rawSDL),
}));
const scalars = { Date: "string", DateTime: "string", Decimal: "string", JSON: "unknown", Money: "string" };
const files = await preset.buildGeneratesSection({
  baseOutputDir: "generated/",
  config: { scalars, strictScalars: true, useTypeImports: true },
  documents,
  pluginMap: {},
  plugins: [],
  presetConfig: { fragmentMasking: false },
  schema: parse(readFileSync("schema.graphql", "utf8")),
  schemaAst: schema,
});
for (const file of files) {
  mkdirSync(dirname(file.filename), { recursive: true });
  writeFileSync(file.filename, await codegen(file));
}
