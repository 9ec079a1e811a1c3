// @ts-check
// Our package in the kernel: brought in without a cell, a name, a number or anything shown, and installed where it is missing.

/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

/** @typedef {{outcome: "ready"} | {outcome: "missing", install: string[][]} | {outcome: "trouble", text: string}} Loaded */

const PACKAGE = "neuroworkflow_agent";
const LOAD = `__import__("importlib").import_module("${PACKAGE}.surfaces.side_bar.target").register()`;
const ABOUT = `__import__("json").dumps([__import__("sys").executable, bool(__import__("importlib.util").util.find_spec("pip")), __import__("shutil").which("uv")]).encode().hex()`;

/**
 * Load the package, once the kernel is free.
 * @param {IKernelConnection} kernel @param {TranslationBundle} trans
 * @param {() => void} begins Called when the kernel takes it up @returns {Promise<Loaded>}
 */
export async function load(kernel, trans, begins) {
  const { loaded, about } = await evaluate(kernel, { loaded: LOAD, about: ABOUT }, begins);
  if (loaded?.status === "ok") return { outcome: "ready" };
  if (loaded?.ename === "ModuleNotFoundError" && loaded.evalue.includes(`'${PACKAGE}`)) return { outcome: "missing", install: installing(JSON.parse(text(about))) };
  return { outcome: "trouble", text: loaded ? `${loaded.ename}: ${loaded.evalue}` : trans.__("The kernel does not answer as IPython’s does.") };
}

/** Run the commands in the kernel, which is busy meanwhile. @param {IKernelConnection} kernel @param {TranslationBundle} trans @param {string[][]} commands @returns {Promise<string>} What went wrong; empty if nothing did. */
export async function install(kernel, trans, commands) {
  for (const command of commands) {
    const run = `__import__("subprocess").run(${JSON.stringify(command)}, stdin=-3, stdout=-1, stderr=-2)`;
    const { done } = await evaluate(kernel, { done: `(lambda done: (b"%d\\n" % done.returncode + done.stdout[-4000:]).hex())(${run})` });
    if (done?.status !== "ok") return done ? `${done.ename}: ${done.evalue}` : trans.__("The kernel did not answer.");
    const [code, ...said] = text(done).split("\n");
    if (code !== "0") return said.join("\n").trim() || trans.__("It ended with %1.", code);
  }
  await evaluate(kernel, { caches: `__import__("importlib").invalidate_caches()` });
  return "";
}

/** A command as it is typed. @param {string[]} command */
export function typed(command) {
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(" ");
}

/** The commands that install the package where the kernel's Python finds it. @param {[string, boolean, string | null]} about */
function installing([python, hasPip, uv]) {
  const name = PACKAGE.replace("_", "-");
  if (!hasPip && uv) return [[uv, "pip", "install", "--python", python, name]];
  const pip = [python, "-m", "pip", "install", name];
  return hasPip ? [pip] : [[python, "-m", "ensurepip"], pip];
}

/**
 * The values of expressions, or the errors; no trace of it is left in the kernel.
 * @param {IKernelConnection} kernel @param {Record<string, string>} expressions
 * @param {() => void} [begins] Called when the kernel takes them up @returns {Promise<Record<string, any>>}
 */
async function evaluate(kernel, expressions, begins) {
  for (;;) {
    const future = kernel.requestExecute({ code: "", silent: true, store_history: false, allow_stdin: false, stop_on_error: false, user_expressions: expressions }, true);
    if (begins) future.onIOPub = begins; // the first that a request publishes is that it runs
    const { content } = await future.done;
    // A cell that failed takes what is queued behind it along.
    if (/** @type {string} */ (content.status) !== "aborted") return /** @type {any} */ (content).user_expressions ?? {};
  }
}

/** What an expression gave as hexadecimal digits. @param {any} value */
function text(value) {
  const digits = /** @type {string} */ (value?.data?.["text/plain"] ?? "").match(/[0-9a-f]{2}/g) ?? [];
  return new TextDecoder().decode(Uint8Array.from(digits, (pair) => parseInt(pair, 16)));
}
