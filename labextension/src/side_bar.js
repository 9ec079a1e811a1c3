// @ts-check
// The side bar: it follows the current notebook. What it shows is loaded when it is first opened.

import { Widget } from "@lumino/widgets";

import { agentIcon } from "./icon.js";

/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Beside } from "./beside.js" */

export class SideBar extends Widget {
  /** @param {INotebookTracker} tracker @param {TranslationBundle} trans */
  constructor(tracker, trans) {
    super();
    this.tracker = tracker;
    this.trans = trans;
    /** @type {Map<NotebookPanel, Beside>} */
    this.known = new Map();
    this.id = "neuroworkflow-agent";
    this.title.icon = agentIcon;
    this.title.caption = trans.__("Agent");
    this.none = document.createElement("p");
    this.none.textContent = trans.__("Open a notebook to talk with the agent beside it.");
    this.none.style.padding = "16px";
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", trans.__("Agent"));
    this.node.append(this.none);
    tracker.currentChanged.connect(() => void this.follow());
  }

  /** The notebook that it is beside now. */
  get current() {
    const panel = this.tracker.currentWidget;
    return panel && !panel.isDisposed ? panel : null;
  }

  onAfterShow() {
    void this.follow();
  }

  onActivateRequest() {
    void this.follow().then((beside) => beside?.focus());
  }

  /** What is beside a notebook, loaded if nobody has seen it yet. @param {NotebookPanel} panel @returns {Promise<Beside>} */
  async besideOf(panel) {
    const { Beside } = await import("./beside.js");
    const known = this.known.get(panel);
    if (known) return known;
    const beside = new Beside(panel, this.trans);
    beside.node.hidden = panel !== this.current;
    this.add(panel, beside);
    return beside;
  }

  /** Show what belongs to the current notebook, unless nobody sees it. */
  async follow() {
    if (!this.isVisible) return null;
    const { Beside } = await import("./beside.js");
    const panel = this.current; // it may have become another one meanwhile
    this.none.hidden = panel !== null;
    if (panel && !this.known.has(panel)) this.add(panel, new Beside(panel, this.trans));
    for (const [other, beside] of this.known) beside.node.hidden = other !== panel;
    return panel ? this.known.get(panel) ?? null : null;
  }

  /** @param {NotebookPanel} panel @param {Beside} beside */
  add(panel, beside) {
    this.known.set(panel, beside);
    this.node.append(beside.node);
    panel.disposed.connect(() => {
      this.known.delete(panel);
      beside.close();
      void this.follow();
    });
  }
}
