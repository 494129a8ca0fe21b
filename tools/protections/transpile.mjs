// Writes what stands on standard input as JavaScript: node transpile.mjs CLIENT OUT
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [client, out] = process.argv.slice(2);
const ts = createRequire(`${client}/package.json`)("typescript");
const { config } = ts.readConfigFile(`${client}/tsconfig.json`, ts.sys.readFile);
const { rootDir, outDir, ...asBuilt } = config.compilerOptions;
// It is an ES module wherever it stands, as the package is made of them.
const options = { ...asBuilt, module: "ESNext", moduleResolution: "Bundler" };
const { outputText, diagnostics } = ts.transpileModule(readFileSync(0, "utf8"), {
  compilerOptions: ts.convertCompilerOptionsFromJson(options, client).options,
  reportDiagnostics: true,
});
if (diagnostics.length > 0) {
  throw new Error(diagnostics.map((one) => ts.flattenDiagnosticMessageText(one.messageText, " ")).join("\n"));
}
writeFileSync(out, outputText);
