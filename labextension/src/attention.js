// @ts-check
// What happens in notebooks that nobody looks at: a call that waits for an answer, a long turn that has ended. It shows on the side
// bar's icon and above the chat, where it can be answered; and outside the page, if the user has said so.

import "../style/attention.css";

/** @import { NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Item, Store } from "../../neuroworkflow_agent/surfaces/panel/js/store.js" */

/** @typedef {{panel: NotebookPanel, store: Store, item: Item | null}} Notice `item` waits for an answer; null if the turn has ended. */

const LONG_MS = 20_000;

export class Attention {
  /**
   * @param {TranslationBundle} trans @param {(panel: NotebookPanel) => boolean} isSeen
   * @param {(panel: NotebookPanel) => void} show @param {(count: number) => void} tell Called with how many notebooks want something.
   */
  constructor(trans, isSeen, show, tell) {
    this.trans = trans;
    this.isSeen = isSeen;
    this.show = show;
    this.tell = tell;
    /** @type {Notice[]} */
    this.notices = [];
    this.node = document.createElement("ul");
    this.node.className = "nwa-waiting";
    this.node.setAttribute("aria-label", trans.__("Notebooks that want you"));
    document.addEventListener("visibilitychange", () => this.look());
    this.draw();
  }

  /** Follow a notebook's chat, until the notebook is closed. @param {NotebookPanel} panel @param {Store} store */
  follow(panel, store) {
    let since = 0;
    const listener = {
      reset: () => {
        this.drop((notice) => notice.store === store && notice.item !== null && store.items.get(notice.item.id)?.state !== "asking");
        for (const item of store.items.values()) this.consider(panel, store, item);
      },
      changed: (/** @type {Item} */ item) => this.consider(panel, store, item),
      state: () => {
        if (store.state.busy) since ||= performance.now();
        else {
          if (since && performance.now() - since >= LONG_MS) this.add({ panel, store, item: null });
          since = 0;
        }
      },
      problem: () => {},
    };
    store.listeners.add(listener);
    panel.disposed.connect(() => this.drop((notice) => notice.panel === panel));
  }

  /** @param {NotebookPanel} panel @param {Store} store @param {Item} item */
  consider(panel, store, item) {
    const isKnown = this.notices.some((notice) => notice.store === store && notice.item?.id === item.id);
    if (item.state === "asking" && !isKnown) this.add({ panel, store, item });
    else if (item.state !== "asking" && isKnown) this.drop((notice) => notice.store === store && notice.item?.id === item.id);
  }

  /** @param {Notice} notice */
  add(notice) {
    if (this.isSeen(notice.panel)) return;
    this.notices.push(notice);
    this.draw();
    if (typeof Notification === "undefined" || Notification.permission !== "granted") return;
    const outside = new Notification(this.trans.__("Agent"), { body: this.text(notice), tag: notice.panel.id });
    outside.onclick = () => {
      window.focus();
      this.show(notice.panel);
    };
  }

  /** @param {(notice: Notice) => boolean} isOver */
  drop(isOver) {
    const left = this.notices.filter((notice) => !isOver(notice));
    if (left.length === this.notices.length) return;
    this.notices = left;
    this.draw();
  }

  /** What is seen now needs no notice any more. */
  look() {
    this.drop(({ panel }) => this.isSeen(panel));
  }

  /** @param {Notice} notice */
  text({ panel, item }) {
    const name = panel.title.label;
    if (!item) return this.trans.__("%1: the agent is done.", name);
    return item.kind === "question" ? this.trans.__("%1: the agent asks a question.", name) : this.trans.__("%1: the agent asks for permission: %2", name, String(item.title ?? ""));
  }

  draw() {
    this.tell(new Set(this.notices.map(({ panel }) => panel)).size);
    this.node.hidden = this.notices.length === 0;
    this.node.replaceChildren(...this.notices.map((notice) => this.row(notice)));
    if (this.notices.length && typeof Notification !== "undefined" && Notification.permission === "default") {
      const row = document.createElement("li");
      row.append(this.button(this.trans.__("Also tell me outside this page"), async () => {
        await Notification.requestPermission();
        this.draw();
      }));
      this.node.append(row);
    }
  }

  /** @param {Notice} notice */
  row(notice) {
    const { trans } = this;
    const { panel, store, item } = notice;
    const row = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = this.text(notice);
    text.dir = "auto";
    row.append(text, this.button(trans.__("Show"), () => this.show(panel)));
    if (!item) row.append(this.button(trans.__("Dismiss"), () => this.drop((other) => other === notice)));
    else if (item.kind !== "question") {
      const say = (/** @type {boolean} */ allowed) => store.send({ type: "answer", request_id: item.request, allowed });
      row.append(this.button(trans.__("Allow once"), () => say(true)), this.button(trans.__("Deny"), () => say(false)));
    }
    return row;
  }

  /** @param {string} text @param {() => void} act */
  button(text, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  }
}
