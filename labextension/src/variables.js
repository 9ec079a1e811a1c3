// @ts-check
// The kernel's variables as a table: filtered, sorted, each a button that points at it.

import { el } from "../../neuroworkflow_agent/surfaces/panel/js/dom.js";
import "../style/variables.css";

/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Transport } from "../../neuroworkflow_agent/surfaces/panel/js/transport.js" */

/** @typedef {{name: string, type: string, shape: string, dtype: string, size: number | null, about: string}} Row */

export class Variables {
  /** @param {Transport} transport @param {TranslationBundle} trans @param {(name: string) => void} point */
  constructor(transport, trans, point) {
    this.transport = transport;
    this.trans = trans;
    this.point = point;
    /** @type {Row[]} */
    this.rows = [];
    this.isShown = false;
    /** By which column; empty as the kernel has them: the most recently used first. @type {"" | "name" | "type" | "shape" | "size"} */
    this.order = "";
    this.isReversed = false;
    this.filter = el("input", { type: "search", dir: "auto", placeholder: trans.__("Filter"), "aria-label": trans.__("Filter variables"), oninput: () => this.draw() });
    this.heads = /** @type {const} */ (["name", "type", "shape", "size"]).map((column) => this.head(column));
    this.body = el("tbody");
    this.none = el("p", { role: "status" });
    this.node = el(
      "section.nwa-variables",
      {},
      this.filter,
      this.none,
      el("div.nwa-scroll", { tabIndex: 0, role: "region", "aria-label": trans.__("Variables") }, el("table", {}, el("thead", {}, el("tr", {}, ...this.heads)), this.body)),
    );
    this.end = transport.receive((message) => message.type === "variables" && this.take(message.rows));
    this.draw();
  }

  /** @param {"name" | "type" | "shape" | "size"} column */
  head(column) {
    const { trans } = this;
    const text = { name: trans.__("Name"), type: trans.__("Type"), shape: trans.__("Shape"), size: trans.__("Memory") }[column];
    return el("th", { scope: "col", "data-column": column }, el("button", { type: "button", text, onclick: () => this.sort(column) }));
  }

  close() {
    this.end();
  }

  /** Have the kernel tell, now and after each run of code, while the table is seen. */
  show() {
    this.isShown = true;
    this.transport.send({ type: "variables", watch: true });
  }

  hide() {
    this.isShown = false;
    this.transport.send({ type: "variables", watch: false });
  }

  /** Another chat is at the other end. */
  renew() {
    if (this.isShown) this.show();
  }

  /** @param {Row[]} rows */
  take(rows) {
    this.rows = rows;
    this.isTold = true;
    this.draw();
  }

  /** Up, down, and as they came. @param {"name" | "type" | "shape" | "size"} column */
  sort(column) {
    if (this.order !== column) Object.assign(this, { order: column, isReversed: false });
    else if (!this.isReversed) this.isReversed = true;
    else Object.assign(this, { order: "", isReversed: false });
    this.draw();
  }

  draw() {
    const { trans } = this;
    const wanted = this.filter.value.trim().toLocaleLowerCase();
    const shown = this.sorted(this.rows.filter((row) => `${row.name} ${row.type} ${row.dtype}`.toLocaleLowerCase().includes(wanted)));
    for (const head of this.heads) {
      head.setAttribute("aria-sort", head.dataset.column === this.order ? (this.isReversed ? "descending" : "ascending") : "none");
    }
    const hasFocus = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.variable;
    this.body.replaceChildren(...shown.map((row) => this.row(row)));
    if (hasFocus !== undefined) this.body.querySelector(`[data-variable="${CSS.escape(hasFocus)}"]`)?.focus();
    this.none.hidden = shown.length > 0;
    if (!shown.length) this.none.textContent = !this.isTold ? trans.__("Asking the kernel …") : this.rows.length ? trans.__("No variable fits.") : trans.__("No variables yet.");
  }

  /** @param {Row[]} rows */
  sorted(rows) {
    const { order } = this;
    if (!order) return rows;
    const by = (/** @type {Row} */ one, /** @type {Row} */ other) =>
      order === "size" ? (one.size ?? -1) - (other.size ?? -1) : one[order].localeCompare(other[order], undefined, { numeric: true });
    const found = [...rows].sort(by);
    return this.isReversed ? found.reverse() : found;
  }

  /** @param {Row} row */
  row(row) {
    const name = el("button", { type: "button", text: row.name, dir: "auto", "data-variable": row.name, title: this.trans.__("Point at %1 in the next message", row.name), onclick: () => this.point(row.name) });
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, name),
      el("td", {}, el("div", { text: [row.type, row.dtype].filter(Boolean).join(" "), dir: "auto" }), row.about ? el("small", { text: row.about, title: row.about, dir: "auto" }) : null),
      el("td", { text: row.shape }),
      el("td.nwa-size", { text: sizeText(row.size) }),
    );
  }
}

/** @param {number | null} size */
function sizeText(size) {
  if (size === null) return "";
  const power = size < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(size) / 3));
  return `${Number((size / 1000 ** power).toPrecision(3))} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}
