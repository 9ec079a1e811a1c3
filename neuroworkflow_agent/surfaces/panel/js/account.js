// @ts-check
// What a session is made of: its turns, what they cost, and what fills the model's context.

import { button, el, openDialog } from "./dom.js";
/** @import { Store } from "./store.js" */
/** @import { Translation } from "./translation.js" */

/** @param {Store} store @param {HTMLElement} root @param {(text: string) => void} problem @param {() => void} compact */
export async function openAccount(store, root, problem, compact) {
  const { trans } = store;
  /** @type {any} */
  let account;
  try {
    account = await store.ask({ type: "account" });
  } catch (error) {
    problem(/** @type {Error} */ (error).message);
    return;
  }
  const shorten = button(trans.__("Summarize now"), () => {
    dialog.close();
    compact();
  }, { title: trans.__("Have a summary stand for what was said so far; you still see all of it") });
  shorten.disabled = account.turns.length === 0 || Boolean(store.state.busy);
  const dialog = openDialog(
    trans,
    root,
    trans.__("This session"),
    el("p", { text: account.head }),
    section(trans.__("What fills the context"), contextParts(trans, account), el("div.nwa-row", {}, shorten)),
    section(trans.__("Turns"), turnList(store, account.turns, problem)),
  );
  dialog.classList.add("nwa-account");
}

/** @param {string} title @param {...HTMLElement} content */
function section(title, ...content) {
  return el("section", { "aria-label": title }, el("h3", { text: title }), ...content);
}

/** @param {Translation} trans @param {any} account */
function contextParts(trans, account) {
  const all = account.parts.reduce((/** @type {number} */ sum, /** @type {any} */ part) => sum + part.tokens, 0);
  if (!all) return el("p", { text: trans.__("Nothing yet.") });
  const rows = account.parts.map((/** @type {any} */ part) =>
    el(
      "li",
      {},
      el("span", { text: part.what }),
      el("meter", { min: 0, max: all, value: part.tokens, "aria-label": part.what }),
      el("small", { text: trans.__("about %1", part.tokens.toLocaleString()) }),
    ),
  );
  return el("div", {}, el("p", { text: account.context ? trans.__("%1 tokens.", account.context) : trans.__("About %1 tokens.", all.toLocaleString()) }), el("ul", {}, ...rows));
}

/** @param {Store} store @param {any[]} turns @param {(text: string) => void} problem */
function turnList(store, turns, problem) {
  const { trans } = store;
  if (turns.length === 0) return el("p", { text: trans.__("Nothing was said yet.") });
  const row = (/** @type {any} */ turn) => {
    const pin = button("", async () => {
      try {
        await store.ask({ type: "pin", turn: turn.id, pinned: !turn.pinned });
        turn.pinned = !turn.pinned;
        drawPin(trans, pin, turn.pinned);
      } catch (error) {
        problem(/** @type {Error} */ (error).message);
      }
    });
    drawPin(trans, pin, turn.pinned);
    return el("li", {}, el("span", { text: turn.prompt, title: turn.prompt, dir: "auto" }), el("small", { text: turn.about }), pin);
  };
  return el("ol", {}, ...turns.map(row));
}

/** Say on a button whether a turn is pinned. @param {Translation} trans @param {HTMLElement} pin @param {boolean} isPinned */
export function drawPin(trans, pin, isPinned) {
  pin.textContent = isPinned ? trans.__("Unpin") : trans.__("Pin");
  pin.title = isPinned
    ? trans.__("The agent is given the texts of this turn again after a summary; end that")
    : trans.__("Have the agent be given the texts of this turn again, word by word, after each summary");
}
