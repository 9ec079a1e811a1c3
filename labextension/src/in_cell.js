// @ts-check
// What stands in a cell of the notebook for a while, above its text: a field for a request, and a change to accept or refuse.

import { button, el } from "../../neuroworkflow_agent/surfaces/panel/js/dom.js";
import { diffLines } from "./diff.js";

/** @import { Cell } from "@jupyterlab/cells" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

const SIGNS = { same: "\u00a0", out: "-", in: "+" };

/** Put it above the text of a cell, in place of what stood there. @param {Cell} cell @param {HTMLElement} node */
function place(cell, node) {
  cell.node.querySelector(".nwa-in-cell")?.remove();
  cell.node.querySelector(".jp-Cell-inputWrapper")?.before(node);
}

/** @param {Cell} cell @param {HTMLElement} node */
function leave(cell, node) {
  if (!node.isConnected) return;
  node.remove();
  if (!cell.isDisposed) cell.editor?.focus();
}

/**
 * The keys in it are its own: in command mode they would be the notebook's.
 * @param {HTMLElement} node @param {(event: KeyboardEvent) => void} onKey
 */
function keepKeys(node, onKey) {
  node.setAttribute("data-lm-suppress-shortcuts", "true");
  node.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (!event.isComposing) onKey(event);
  });
  for (const kind of ["mousedown", "click", "focusin", "focusout"]) node.addEventListener(kind, (event) => event.stopPropagation());
}

/** The command palette gives the focus back to the notebook when it has closed, behind what was chosen in it. @param {HTMLElement} node */
function takeFocus(node) {
  node.focus();
  requestAnimationFrame(() => node.focus());
}

/** Ask what is wanted of a cell. @param {Cell} cell @param {TranslationBundle} trans @param {(text: string) => Promise<void>} request */
export function askInCell(cell, trans, request) {
  const field = el("input", { type: "text", dir: "auto", placeholder: trans.__("What should change in this cell?"), "aria-label": trans.__("Request about this cell") });
  const status = el("span", { role: "status" });
  const node = el("form.nwa-in-cell", { "aria-label": trans.__("Request about this cell") }, field, el("button.nwa-take", { type: "submit", text: trans.__("Send") }), button(trans.__("Cancel"), () => leave(cell, node)), status);
  node.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!field.value.trim() || field.disabled) return;
    field.disabled = true;
    status.textContent = trans.__("The agent is at work …");
    try {
      await request(field.value.trim());
      if (node.isConnected) node.remove();
    } catch (error) {
      field.disabled = false;
      status.textContent = /** @type {Error} */ (error).message;
      field.focus();
    }
  });
  keepKeys(node, (event) => {
    if (event.key === "Escape") leave(cell, node);
  });
  place(cell, node);
  takeFocus(field);
}

/**
 * Show a new text of a cell as a change, to accept or refuse.
 * @param {Cell} cell @param {string} source @param {TranslationBundle} trans @param {(text: string) => void} problem
 */
export function offerChange(cell, source, trans, problem) {
  const shared = cell.model.sharedModel;
  const before = shared.getSource();
  const lines = diffLines(before, source);
  const what = { same: "", out: trans.__("removed: "), in: trans.__("added: ") };
  const drawn = lines.map(({ kind, text }) =>
    el(`div.nwa-${kind}`, {}, el("span.nwa-sign", { text: SIGNS[kind], "aria-hidden": "true" }), what[kind] ? el("span.nwa-unseen", { text: what[kind] }) : null, el("span", { text: text || "\u00a0" })),
  );
  const accept = button(trans.__("Accept"), () => {
    if (shared.getSource() !== before) {
      problem(trans.__("The cell has changed meanwhile; nothing was written. Compare again."));
      leave(cell, node);
      return;
    }
    if (cell.model.getMetadata("editable") === false) {
      problem(trans.__("The cell is locked; nothing was written."));
      return;
    }
    const { undoManager } = /** @type {any} */ (shared);
    undoManager?.stopCapturing();
    /** @type {any} */ (shared).updateSource(0, before.length, source);
    undoManager?.stopCapturing();
    leave(cell, node);
  }, { css: "nwa-take", title: trans.__("Write it into the cell (Enter); Ctrl+Z in the cell takes it back") });
  const refuse = button(trans.__("Refuse"), () => leave(cell, node), { title: trans.__("Leave the cell as it is (Escape)") });
  const node = el(
    "section.nwa-in-cell.nwa-change",
    { "aria-label": trans.__("Change of this cell") },
    before === source ? el("p", { text: trans.__("The text is the same.") }) : el("pre", { tabIndex: 0 }, ...drawn),
    el("div", {}, accept, refuse),
  );
  keepKeys(node, (event) => {
    if (event.key === "Escape") leave(cell, node);
  });
  place(cell, node);
  takeFocus(accept);
}
