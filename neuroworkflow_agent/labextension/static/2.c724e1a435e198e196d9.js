"use strict";
(Array.isArray(self["webpackChunkneuroworkflow_agent"]) ? self["webpackChunkneuroworkflow_agent"] : (self["webpackChunkneuroworkflow_agent"] = [])).push([[2],{

/***/ 23
(__unused_webpack_module, __webpack_exports__, __webpack_require__) {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   Dh: () => (/* binding */ openDialog),
/* harmony export */   Dk: () => (/* binding */ copyText),
/* harmony export */   NF: () => (/* binding */ uniqueId),
/* harmony export */   el: () => (/* binding */ el),
/* harmony export */   we: () => (/* binding */ confirmOn),
/* harmony export */   x6: () => (/* binding */ button)
/* harmony export */ });
// @ts-check
// Small helpers for the page. Text goes in as text; only what Python has sanitized goes in as HTML.

/** @import { Translation } from "./translation.js" */

/**
 * An element with properties, listeners (`onclick` …), attributes and children.
 * @param {string} tag Tag and classes: "button.nwa-quiet".
 * @param {Record<string, any>} [given]
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
function el(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else if (key in made && !key.startsWith("aria")) /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, String(value));
  }
  made.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined)));
  return made;
}

const ICONS = {
  add: "M12 5v14M5 12h14",
  below: "M5 4h14v5H5zM12 13v7M8.5 16.5h7",
  clip: "M8 12.5 14.5 6a3 3 0 0 1 4.2 4.2l-8.5 8.6a5 5 0 0 1-7-7.1L11 4",
  close: "M6 6l12 12M18 6 6 18",
  compare: "M12 3v18M5 7h4M5 12h4M15 12h4M17 10v4M15 17h4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  done: "M5 12.5 10 17l9-10",
  gauge: "M5 17a8 8 0 1 1 14 0M12 14l4-5",
  into: "M4 5h16v14H4zM12 8v7M9 12.5l3 3 3-3",
  list: "M5 6h14M5 12h14M5 18h14",
  send: "M5 12h13M12 5l7 7-7 7",
  stop: "M7 7h10v10H7z",
};

/**
 * A drawing that says nothing to a screen reader.
 * @param {keyof typeof ICONS} name
 */
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: 16, height: 16, "aria-hidden": "true" })) {
    svg.setAttribute(key, String(value));
  }
  const path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries({
    d: ICONS[name], fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round",
  })) {
    path.setAttribute(key, String(value));
  }
  svg.append(path);
  return svg;
}

/**
 * A button; with an icon its label is for screen readers and the tooltip.
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {{icon?: keyof typeof ICONS, css?: string, title?: string}} [look]
 * @returns {HTMLButtonElement}
 */
function button(label, onclick, look = {}) {
  const css = look.css ? `.${look.css}` : "";
  if (!look.icon) return el(`button${css}`, { type: "button", onclick, title: look.title, text: label });
  return el(`button.nwa-icon${css}`, { type: "button", onclick, title: look.title ?? label, "aria-label": label }, icon(look.icon));
}

/**
 * Put text on the clipboard and say so on the button.
 * @param {HTMLElement} from
 * @param {string} text
 * @param {string} done
 */
async function copyText(from, text, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No permission, or no secure context: the old way.
    const field = el("textarea", { value: text, "aria-hidden": "true" });
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    from.focus();
  }
  confirmOn(from, done);
}

/**
 * Say on a button, for a moment, that it is done.
 * @param {HTMLElement} from
 * @param {string} done
 */
function confirmOn(from, done) {
  const before = [...from.childNodes];
  const label = from.getAttribute("aria-label");
  from.replaceChildren(icon("done"));
  from.setAttribute("aria-label", done);
  setTimeout(() => {
    from.replaceChildren(...before);
    if (label !== null) from.setAttribute("aria-label", label);
  }, 1500);
}

/**
 * A modal dialog that leaves the page when it closes and gives the focus back.
 * @param {Translation} trans
 * @param {HTMLElement} root
 * @param {string} title
 * @param {...(Node | string)} content
 * @returns {HTMLDialogElement}
 */
function openDialog(trans, root, title, ...content) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const heading = el("h2", { text: title, id: uniqueId("title") });
  const shut = button(trans.__("Close"), () => dialog.close(), { icon: "close" });
  /** @type {HTMLDialogElement} */
  const dialog = el("dialog.nwa-dialog", { "aria-labelledby": heading.id }, el("header", {}, heading, shut), ...content);
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus();
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

let lastId = 0;
/** @param {string} stem */
function uniqueId(stem) {
  lastId += 1;
  return `nwa-${stem}-${Date.now().toString(36)}-${lastId}`;
}


/***/ },

/***/ 22
(__unused_webpack_module, __webpack_exports__, __webpack_require__) {


// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  askInCell: () => (/* binding */ askInCell),
  x: () => (/* binding */ offerChange)
});

// EXTERNAL MODULE: ../neuroworkflow_agent/surfaces/panel/js/dom.js
var dom = __webpack_require__(23);
;// ./src/diff.js
// @ts-check
// What changes from one text to another, line by line.

/** @typedef {{kind: "same" | "out" | "in", text: string}} Line */

const MAX_CELLS = 4_000_000;

/** @param {string} before @param {string} after @returns {Line[]} */
function diffLines(before, after) {
  const [one, other] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < one.length - start && end < other.length - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const same = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("same"), text });
  return [
    ...one.slice(0, start).map(same),
    ...middle(one.slice(start, one.length - end), other.slice(start, other.length - end)),
    ...one.slice(one.length - end).map(same),
  ];
}

/** By the longest common subsequence; texts that are too long for that are replaced as a whole. @param {string[]} one @param {string[]} other @returns {Line[]} */
function middle(one, other) {
  const width = other.length + 1;
  if ((one.length + 1) * width > MAX_CELLS) return [...one.map(out), ...other.map(into)];
  const common = new Uint32Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = one[i] === other[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  /** @type {Line[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    if (i < one.length && j < other.length && one[i] === other[j]) {
      lines.push({ kind: "same", text: one[i] });
      i += 1;
      j += 1;
    } else if (i < one.length && (j === other.length || common[(i + 1) * width + j] >= common[i * width + j + 1])) lines.push(out(one[i++]));
    else lines.push(into(other[j++]));
  }
  return lines;
}

/** @param {string} text @returns {Line} */
function out(text) {
  return { kind: "out", text };
}

/** @param {string} text @returns {Line} */
function into(text) {
  return { kind: "in", text };
}

;// ./src/in_cell.js
// @ts-check
// What stands in a cell of the notebook for a while, above its text: a field for a request, and a change to accept or refuse.




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
function askInCell(cell, trans, request) {
  const field = (0,dom.el)("input", { type: "text", dir: "auto", placeholder: trans.__("What should change in this cell?"), "aria-label": trans.__("Request about this cell") });
  const status = (0,dom.el)("span", { role: "status" });
  const node = (0,dom.el)("form.nwa-in-cell", { "aria-label": trans.__("Request about this cell") }, field, (0,dom.el)("button.nwa-take", { type: "submit", text: trans.__("Send") }), (0,dom/* button */.x6)(trans.__("Cancel"), () => leave(cell, node)), status);
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
function offerChange(cell, source, trans, problem) {
  const shared = cell.model.sharedModel;
  const before = shared.getSource();
  const lines = diffLines(before, source);
  const what = { same: "", out: trans.__("removed: "), in: trans.__("added: ") };
  const drawn = lines.map(({ kind, text }) =>
    (0,dom.el)(`div.nwa-${kind}`, {}, (0,dom.el)("span.nwa-sign", { text: SIGNS[kind], "aria-hidden": "true" }), what[kind] ? (0,dom.el)("span.nwa-unseen", { text: what[kind] }) : null, (0,dom.el)("span", { text: text || "\u00a0" })),
  );
  const accept = (0,dom/* button */.x6)(trans.__("Accept"), () => {
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
  const refuse = (0,dom/* button */.x6)(trans.__("Refuse"), () => leave(cell, node), { title: trans.__("Leave the cell as it is (Escape)") });
  const node = (0,dom.el)(
    "section.nwa-in-cell.nwa-change",
    { "aria-label": trans.__("Change of this cell") },
    before === source ? (0,dom.el)("p", { text: trans.__("The text is the same.") }) : (0,dom.el)("pre", { tabIndex: 0 }, ...drawn),
    (0,dom.el)("div", {}, accept, refuse),
  );
  keepKeys(node, (event) => {
    if (event.key === "Escape") leave(cell, node);
  });
  place(cell, node);
  takeFocus(accept);
}


/***/ }

}]);