// @ts-check
// Tabs above what they show, by pointer and by keys as people know them from elsewhere.

import { el, uniqueId } from "../../neuroworkflow_agent/surfaces/panel/js/dom.js";

/** @typedef {{name: string, node: HTMLElement, onShow?(): void, onHide?(): void}} Page */

export class Tabs {
  /** @param {string} label @param {Page[]} pages The first one is shown. */
  constructor(label, pages) {
    this.pages = pages;
    this.chosen = 0;
    this.buttons = pages.map(({ name, node }, index) => {
      node.id ||= uniqueId("page");
      const tab = el("button", { type: "button", role: "tab", id: uniqueId("tab"), text: name, "aria-controls": node.id, onclick: () => this.choose(index) });
      node.setAttribute("role", "tabpanel");
      node.setAttribute("aria-labelledby", tab.id);
      return tab;
    });
    const list = el("div.nwa-tabs", { role: "tablist", "aria-label": label, onkeydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event) }, ...this.buttons);
    this.node = el("div.nwa-tabbed", {}, list, ...pages.map(({ node }) => node));
    this.draw();
  }

  /** @param {number} index */
  choose(index) {
    if (index === this.chosen) return;
    this.pages[this.chosen].onHide?.();
    this.chosen = index;
    this.draw();
    this.pages[index].onShow?.();
  }

  draw() {
    this.pages.forEach(({ node }, index) => (node.hidden = index !== this.chosen));
    this.buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === this.chosen));
      button.tabIndex = index === this.chosen ? 0 : -1;
    });
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.choose((this.chosen + step + this.pages.length) % this.pages.length);
    this.buttons[this.chosen].focus();
  }
}
