// @ts-check
// The side bar: it follows the current notebook. What it shows is loaded when it is first opened.

import { Widget } from "@lumino/widgets";

import { Attention } from "./attention.js";
import { agentIcon } from "./icon.js";

/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Beside } from "./beside.js" */
/** @import { Preferences } from "./preferences.js" */

export class SideBar extends Widget {
  /**
   * @param {INotebookTracker} tracker @param {TranslationBundle} trans @param {() => Promise<Preferences>} preferences Reads what the user has set.
   * @param {(id: string) => void} showWidget Shows a widget of the page. @param {() => void} tell Called when how many notebooks want something has changed.
   */
  constructor(tracker, trans, preferences, showWidget, tell) {
    super();
    this.tell = tell;
    this.count = 0;
    this.preferences = preferences;
    this.showWidget = showWidget;
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
    this.attention = new Attention(trans, (panel) => this.isSeen(panel), (panel) => this.goTo(panel), (count) => this.mark(count));
    this.node.append(this.attention.node, this.none);
    tracker.currentChanged.connect(() => void this.follow());
  }

  /** The notebook that it is beside now. */
  get current() {
    const panel = this.tracker.currentWidget;
    return panel && !panel.isDisposed ? panel : null;
  }

  /** Whether somebody may be looking at the chat of a notebook. @param {NotebookPanel} panel */
  isSeen(panel) {
    return this.isVisible && this.current === panel && !document.hidden;
  }

  /** Say on the icon how many notebooks want something. @param {number} count */
  mark(count) {
    this.count = count;
    this.title.className = count ? "nwa-attention" : "";
    this.title.caption = this.wanted || this.trans.__("Agent");
    this.tell();
  }

  /** How many notebooks want something, in words; empty if none does. */
  get wanted() {
    return this.count ? this.trans._n("Agent: %1 notebook wants you", "Agent: %1 notebooks want you", this.count) : "";
  }

  /** Go to a notebook and its chat. @param {NotebookPanel} panel */
  goTo(panel) {
    this.showWidget(panel.id);
    this.showWidget(this.id);
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
    const beside = new Beside(panel, this.trans, this.preferences);
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
    if (panel && !this.known.has(panel)) this.add(panel, new Beside(panel, this.trans, this.preferences));
    for (const [other, beside] of this.known) beside.node.hidden = other !== panel;
    this.attention.look();
    return panel ? this.known.get(panel) ?? null : null;
  }

  /** @param {NotebookPanel} panel @param {Beside} beside */
  add(panel, beside) {
    this.known.set(panel, beside);
    beside.onStore = (store) => this.attention.follow(panel, store);
    this.node.append(beside.node);
    panel.disposed.connect(() => {
      this.known.delete(panel);
      beside.close();
      void this.follow();
    });
  }
}
