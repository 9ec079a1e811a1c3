// @ts-check
// What happens in notebooks that nobody looks at: a call that waits for an answer, a long turn that has ended. It shows on the side
// bar's icon and above the chat, where it can be answered; and outside the page, if the user has said so.

import "../style/attention.css";

/** @import { NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Item, Store } from "../../neuroworkflow_agent/surfaces/panel/js/store.js" */

/** @typedef {{panel: NotebookPanel, store: Store, item: Item, isOfCode?: boolean, outside?: Notification}} Notice `item` waits for an answer, or is a turn's end, or of one whose code ran on until now; `outside` is what the browser shows of it. */

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
    /** Chats at work for so long that their user may want to look elsewhere. @type {Set<Store>} */
    this.long = new Set();
    this.isRefused = false;
    this.node = document.createElement("ul");
    this.node.className = "nwa-waiting";
    this.node.setAttribute("aria-label", trans.__("Notebooks that want you"));
    document.addEventListener("visibilitychange", () => this.look());
    this.draw();
  }

  /** Follow a notebook's chat, until the notebook is closed. @param {NotebookPanel} panel @param {Store} store */
  follow(panel, store) {
    let since = 0;
    /** @type {Item | undefined} */
    let before;
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const lastEnd = () => [...store.items.values()].filter(isEnd).at(-1);
    const leave = () => {
      clearTimeout(timer);
      if (this.long.delete(store)) this.draw();
    };
    /** Whether code of a turn that has ended still ran when the chat was last looked at. */
    let ran = false;
    const listener = {
      reset: () => {
        this.drop((notice) => notice.store === store && !isEnd(notice.item) && store.items.get(notice.item.id)?.state !== "asking");
        for (const item of store.items.values()) this.consider(panel, store, item);
      },
      changed: (/** @type {Item} */ item) => this.consider(panel, store, item),
      state: () => {
        const end = lastEnd();
        if (ran && !store.state.runs_on && end) this.add({ panel, store, item: end, isOfCode: true });
        ran = Boolean(store.state.runs_on);
        if (store.state.busy && since) return;
        if (store.state.busy) {
          [since, before] = [performance.now(), lastEnd()];
          timer = setTimeout(() => {
            this.long.add(store);
            this.draw();
          }, LONG_MS);
          return;
        }
        leave();
        if (end && end.id !== before?.id && since && performance.now() - since >= LONG_MS) this.add({ panel, store, item: end });
        since = 0;
      },
      problem: () => {},
    };
    store.listeners.add(listener);
    panel.disposed.connect(() => {
      leave();
      this.drop((notice) => notice.panel === panel);
    });
  }

  /** @param {NotebookPanel} panel @param {Store} store @param {Item} item */
  consider(panel, store, item) {
    const isKnown = this.notices.some((notice) => notice.store === store && notice.item.id === item.id);
    if (isEnd(item)) return;
    if (item.state === "asking" && !isKnown) this.add({ panel, store, item });
    else if (item.state !== "asking" && isKnown) this.drop((notice) => notice.store === store && notice.item.id === item.id);
  }

  /** @param {Notice} notice */
  add(notice) {
    if (this.isSeen(notice.panel)) return;
    this.drop(({ store, item }) => store === notice.store && item.id === notice.item.id); // one for each thing
    this.notices.push(notice);
    notice.outside = this.showOutside(notice);
    this.draw();
  }

  /** Have the browser show it, if the user has said so. @param {Notice} notice @returns {Notification | undefined} */
  showOutside(notice) {
    if (typeof Notification === "undefined" || Notification.permission !== "granted") return undefined;
    const { panel, item } = notice;
    try {
      // By its tag a browser that shows the notebook twice tells it once.
      const outside = new Notification(this.trans.__("Agent"), { body: this.text(notice), tag: `neuroworkflow-agent:${panel.context.path}:${item.id}` });
      outside.onclick = () => {
        window.focus();
        outside.close();
        this.show(panel);
      };
      return outside;
    } catch {
      return undefined; // Chrome on Android has notifications for service workers alone.
    }
  }

  /** @param {(notice: Notice) => boolean} isOver */
  drop(isOver) {
    const left = this.notices.filter((notice) => !isOver(notice));
    if (left.length === this.notices.length) return;
    for (const notice of this.notices) if (isOver(notice)) notice.outside?.close();
    this.notices = left;
    this.draw();
  }

  /** What is seen now needs no notice any more. */
  look() {
    this.drop(({ panel }) => this.isSeen(panel));
  }

  /** @param {Notice} notice */
  text({ panel, item, isOfCode }) {
    const name = panel.title.label;
    if (isOfCode) return this.trans.__("%1: the code that ran on has ended.", name);
    if (isEnd(item)) return item.end === "complete" ? this.trans.__("%1: the agent is done.", name) : this.trans.__("%1: the turn has ended: %2", name, item.end);
    return item.kind === "question" ? this.trans.__("%1: the agent asks a question.", name) : this.trans.__("%1: the agent asks for permission: %2", name, String(item.title ?? ""));
  }

  draw() {
    this.tell(new Set(this.notices.map(({ panel }) => panel)).size);
    this.node.replaceChildren(...this.notices.map((notice) => this.row(notice)));
    if ((this.notices.length || this.long.size) && !this.isRefused && typeof Notification !== "undefined" && Notification.permission === "default") this.node.append(this.offer());
    this.node.hidden = this.node.childElementCount === 0;
  }

  /** A way to hear of it outside the page, while there is something to hear of. */
  offer() {
    const { trans } = this;
    const row = document.createElement("li");
    row.append(
      this.button(trans.__("Also tell me outside this page"), () => void this.askOutside(row)),
      this.button(trans.__("No"), () => {
        this.isRefused = true;
        this.draw();
      }),
    );
    return row;
  }

  /** Have the browser ask the user; a browser that may not ask says no by itself. @param {HTMLElement} row */
  async askOutside(row) {
    const answer = await Notification.requestPermission();
    if (answer === "denied") row.replaceChildren(this.trans.__("This browser does not let the page show notifications; its settings for this site can change that."));
    else this.draw();
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
    if (isEnd(item)) row.append(this.button(trans.__("Dismiss"), () => this.drop((other) => other === notice)));
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

/** @param {Item} item */
function isEnd(item) {
  return item.kind === "end";
}
