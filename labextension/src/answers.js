// @ts-check
// The code of answers: waited for, or the last there is.

/** @import { Item, Store } from "../../neuroworkflow_agent/surfaces/panel/js/store.js" */

const FENCED = /^(`{3,}|~{3,})[^\n]*\n([\s\S]*?)^\1[ \t]*$/gm;
const PYTHON = /^(?:`{3,}|~{3,})[ \t]*(?:python3?|py|ipython3?)\b/i;

/** The last code that the agent has run or written; empty if there is none. @param {Store} store */
export function lastCode(store) {
  const codes = [...store.items.values()].flatMap((item) => {
    if (item.kind === "tool") return [item.code ?? ""];
    return item.kind === "answer" && item.done ? blocks(item).filter(([fence]) => PYTHON.test(fence)).map(([, , code]) => code) : [];
  });
  return codes.filter((code) => code.trim()).at(-1)?.replace(/\n$/, "") ?? "";
}

/** The fenced blocks of an answer. @param {Item} item */
function blocks(item) {
  return [...String(item.source ?? "").matchAll(FENCED)];
}

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
    return items.filter((item) => item.kind === "answer").flatMap(blocks).at(-1)?.[2].replace(/\n$/, "") ?? null;
  } finally {
    store.listeners.delete(listener);
  }
}
