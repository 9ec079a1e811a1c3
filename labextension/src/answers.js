// @ts-check
// The code of an answer, waited for.

/** @import { Item, Store } from "../../neuroworkflow_agent/surfaces/panel/js/store.js" */

const FENCED = /^(`{3,}|~{3,})[^\n]*\n([\s\S]*?)^\1[ \t]*$/gm;

/**
 * Send a message; gives the last code block of the turn that answers it, or null if it has none.
 * @param {Store} store @param {string} text @returns {Promise<string | null>}
 */
export async function codeOfAnswer(store, text) {
  const known = new Set(store.items.keys());
  let tell = () => {};
  /** @type {Promise<Item[]>} */
  const answered = new Promise((resolve) => {
    tell = () => {
      const items = [...store.items.values()];
      const asked = items.findIndex((item) => item.kind === "user" && item.text === text && !known.has(item.id));
      const end = items.findIndex((item, index) => index > asked && item.kind === "end");
      if (asked >= 0 && end >= 0) resolve(items.slice(asked, end));
    };
  });
  const listener = { reset: () => tell(), changed: () => tell(), state: () => {}, problem: () => {} };
  store.listeners.add(listener);
  try {
    await store.ask({ type: "ask", text, chips: [] });
    const items = await answered;
    const blocks = items.filter((item) => item.kind === "answer").flatMap((item) => [...String(item.source ?? "").matchAll(FENCED)]);
    return blocks.at(-1)?.[2].replace(/\n$/, "") ?? null;
  } finally {
    store.listeners.delete(listener);
  }
}
