// Bundles the front end into ../static/dist:  node central/web/frontend/build.mjs
//
// Every .js and .css file beside this one is a bundle of its own, for asset("name.js") in templates;
// what they import lives in the folders below. Also made: icons.json (the icons that templates and
// Python files name), Swagger UI's files, and each text file compressed in advance.

import { build } from "esbuild";
import {
  cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync,
} from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../../..");
const packages = join(root, "node_modules");
const target = join(here, "../static/dist");
const work = `${target}.new`;

const BROWSERS = ["chrome123", "edge123", "firefox121", "safari17.5"]; // all know light-dark()
const SWAGGER = [
  "swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js",
  "favicon-16x16.png", "favicon-32x32.png",
];
const FONT = "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"; // preloaded
const WORTH_COMPRESSING = [".js", ".css", ".svg", ".json"];

/** Files below `folder` whose name ends in one of `endings`. */
function filesBelow(folder, endings) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.includes(extname(entry.name)))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

/** Bundle everything; returns what each source became, such as app.js -> app-1A2B3C4D.js. */
async function bundle() {
  const entries = readdirSync(here).filter((name) => /\.(js|css)$/.test(name));
  const images = readdirSync(join(here, "images"));
  const result = await build({
    absWorkingDir: root,
    entryPoints: [
      ...entries.map((name) => join(here, name)),
      ...images.map((name) => join(here, "images", name)),
      join(packages, FONT),
    ],
    outdir: work,
    bundle: true,
    splitting: true, // htmx once, however many bundles import it
    format: "esm",
    minify: true,
    target: BROWSERS,
    legalComments: "linked",
    entryNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    loader: { ".woff2": "copy", ".svg": "copy", ".png": "copy" },
    metafile: true,
    logLevel: "warning",
  });
  const made = {};
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const source = output.entryPoint ?? Object.keys(output.inputs)[0];
    const isEntry = output.entryPoint || [".woff2", ".svg", ".png"].includes(extname(path));
    if (isEntry && source) made[basename(source)] = relative(work, resolve(root, path));
  }
  return made;
}

/** Icons of central/web that are named as icon("x") in a template or icon="x" in Python. */
function iconsUsed() {
  const named = /\bicon(?:\(|\s*=)\s*["']([a-z0-9-]+)["']/g;
  const names = new Set();
  for (const path of filesBelow(dirname(here), [".html", ".py"])) {
    for (const match of readFileSync(path, "utf8").matchAll(named)) names.add(match[1]);
  }
  return [...names].sort();
}

function iconMarkup(name) {
  const path = join(packages, "@tabler/icons/icons/outline", `${name}.svg`);
  if (!existsSync(path)) throw new Error(`Tabler Icons has no "${name}"`);
  const shapes = readFileSync(path, "utf8")
    .replace(/^[\s\S]*?<svg[^>]*>/, "")
    .replace(/<\/svg>\s*$/, "")
    .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "")
    .replace(/\s+/g, " ")
    .trim();
  return (
    '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75"' +
    ` stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes}</svg>`
  );
}

function copySwagger() {
  mkdirSync(join(work, "swagger"));
  for (const name of SWAGGER) {
    cpSync(join(packages, "swagger-ui-dist", name), join(work, "swagger", name));
  }
}

function compress() {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }; // 11 takes ten times longer
  for (const path of filesBelow(work, WORTH_COMPRESSING)) {
    const content = readFileSync(path);
    if (content.length < 1024) continue;
    writeFileSync(`${path}.br`, brotliCompressSync(content, quality));
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
}

function write(name, value) {
  writeFileSync(join(work, name), JSON.stringify(value, null, 1));
}

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
const manifest = await bundle();
copySwagger();
compress();
write("icons.json", Object.fromEntries(iconsUsed().map((name) => [name, iconMarkup(name)])));
write("manifest.json", manifest);
rmSync(target, { recursive: true, force: true });
renameSync(work, target);
console.log(`front end: ${Object.keys(manifest).length} files in ${relative(root, target)}`);
