// Judges Kubernetes objects by their published APIs, and prints what is wrong with them, a line each.
//
// Reads from standard input an array of { where, object }. Twice judged: TypeScript knows each field and refuses all others,
// which the API server would drop in silence; the schemas know patterns, ranges and lengths.
import { readFileSync } from "node:fs";
import ts from "typescript";

const packages = {
  "": "kubernetes-models",
  apps: "kubernetes-models/apps",
  batch: "kubernetes-models/batch",
  policy: "kubernetes-models/policy",
  "rbac.authorization.k8s.io": "kubernetes-models/rbac.authorization.k8s.io",
  "networking.istio.io": "@kubernetes-models/istio/networking.istio.io",
  "extensions.istio.io": "@kubernetes-models/istio/extensions.istio.io",
  "telemetry.istio.io": "@kubernetes-models/istio/telemetry.istio.io",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api/gateway.networking.k8s.io",
  "gateway.envoyproxy.io": "@kubernetes-models/envoy-gateway/gateway.envoyproxy.io",
};

function moduleOf({ apiVersion, kind }) {
  const [version, group = ""] = apiVersion.split("/").reverse();
  return `${packages[group]}/${version}/${kind}`;
}

const inputs = JSON.parse(readFileSync(0, "utf8"));
const problems = [];

// One file in which each object is a literal of its type: of a literal, TypeScript takes no field that it does not know.
const source = inputs.map(
  ({ object }, index) =>
    `import type { I${object.kind} as T${index} } from "${moduleOf(object)}";\n` +
    `export const v${index}: T${index} = ${JSON.stringify(object)};\n`,
);
const lines = source.map((text) => text.split("\n").length - 1);
const name = `${process.cwd()}/objects.ts`;
const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists } = host;
host.fileExists = (path) => path === name || fileExists(path);
host.getSourceFile = (path, ...rest) =>
  path === name ? ts.createSourceFile(path, source.join(""), options.target) : getSourceFile(path, ...rest);
for (const diagnostic of ts.getPreEmitDiagnostics(ts.createProgram([name], options, host))) {
  let line = diagnostic.file ? diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start).line : 0;
  let index = 0;
  while (index < lines.length - 1 && line >= lines[index]) line -= lines[index++];
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, " ");
  problems.push(`${inputs[index].where}: ${message}`);
}

for (const { where, object } of inputs) {
  const { [object.kind]: Model } = await import(moduleOf(object));
  try {
    new Model(object).validate();
  } catch (error) {
    problems.push(`${where}: ${error.message}`);
  }
}

for (const problem of problems) console.log(problem);
