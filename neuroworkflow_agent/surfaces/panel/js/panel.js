// @ts-check
// One view of a chat: transcript, status, composer.

import { openAccount } from "./account.js";
import { Card } from "./cards.js";
import { Composer } from "./composer.js";
import { button, el, openDialog } from "./dom.js";
import { openSessions } from "./sessions.js";
import { SignInForm } from "./sign_in.js";
import { besideANotebook } from "./transport.js";
import { openUndo } from "./undo.js";

/** @import { Item, Op, Store } from "./store.js" */

const NEAR_PX = 60;
/** How many items are drawn before the page is shown, at its end, and how many at a time later. */
const FIRST = 30;
const MORE = 40;
const LATEST_MS = 200;

/** Whether a key pressed in the panel is meant for the notebook: Ctrl+S and its like. @param {KeyboardEvent} event */
function isNotebooks(event) {
  return (event.ctrlKey || event.metaKey) && event.key !== "Enter";
}

export class PanelView {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.trans = store.trans;
    const { trans } = this;
    this.words = store.transport.words ?? besideANotebook(trans);
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** Ids of items above all that are drawn, which are drawn when the page has time. @type {string[]} */
    this.earlier = [];
    this.isAtEnd = true;
    this.unlisten = () => {};
    this.title = el("h2");
    this.context = el("small");
    this.served = el("p", { dir: "auto" });
    this.cost = el("small", { title: trans.__("What this session has cost so far") });
    this.log = el("div.nwa-log", { role: "log", "aria-live": "off", "aria-label": trans.__("Session"), tabIndex: 0 });
    this.newer = button(trans.__("Newest"), () => this.toEnd(), { css: "nwa-newer" });
    this.newer.hidden = true;
    this.status = el("div.nwa-status");
    this.trouble = el("div.nwa-trouble", { role: "alert" });
    /** What is wrong in which session; it is shown in that one. @type {Map<string, string>} */
    this.troubles = new Map();
    this.live = el("div.nwa-hidden", { "aria-live": "polite", role: "status" });
    this.node = el("section.nwa.nwa-panel.mathjax_ignore.tex2jax_ignore", { "aria-label": trans.__("Chat with the agent") });
    this.signIn = new SignInForm(store);
    this.composer = new Composer(store, this.node, (text) => this.problem(text), (name) => this.obey(name));
    this.node.append(
      el(
        "header.nwa-head",
        {},
        this.title,
        this.context,
        this.cost,
        button(trans.__("This session: turns, context, cost"), () => this.obey("/context"), { icon: "gauge" }),
        button(trans.__("New session"), () => this.obey("/new"), { icon: "add" }),
        button(trans.__("Sessions"), () => this.obey("/sessions"), { icon: "list" }),
      ),
      el("div.nwa-middle", {}, this.log, this.newer),
      this.signIn.node,
      this.trouble,
      this.status,
      this.composer.node,
      this.live,
    );
    this.listen();
    store.listeners.add(this);
    this.reset();
    this.state();
    this.clock = setInterval(() => this.drawStatus(), 1000);
  }

  /** Do what a button, or a command in the field, asks for. @param {string} name */
  obey(name) {
    const { chats } = this.store.transport;
    if (name === "/new") chats ? chats.begin() : this.store.send({ type: "new" });
    else if (name === "/sessions" && chats) chats.list();
    else if (name === "/sessions") openSessions(this.store, this.node, (text) => this.problem(text));
    else if (name === "/context") openAccount(this.store, this.node, (text) => this.problem(text), () => this.obey("/compact"));
    else if (name === "/compact") this.ask({ type: "compact" });
    else if (name === "/stop") this.store.stop();
    else if (name === "/model") this.composer.model.focus();
    else if (name === "/mode") this.composer.mode.focus();
  }

  /** Ask for something; say what went wrong. @param {any} message */
  ask(message) {
    this.store.ask(message).catch((error) => this.problem(error.message));
  }

  close() {
    clearInterval(this.clock);
    this.earlier = [];
    this.unlisten();
    this.store.listeners.delete(this);
  }

  listen() {
    // Keys in the panel are the panel's: in a notebook Shift+Enter would run the cell, and d d delete it. JupyterLab
    // asks the focused element for this attribute, in a listener of the document's. Ctrl+S and its like go on to it.
    const onAnyKey = (/** @type {KeyboardEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      if (!this.node.contains(target)) return;
      target.toggleAttribute("data-lm-suppress-shortcuts", !isNotebooks(event));
    };
    window.addEventListener("keydown", onAnyKey, true);
    // What is below it has become larger or smaller: a message that waits, a longer one, what went wrong.
    const sizes = new ResizeObserver(() => this.isAtEnd && this.toEnd());
    sizes.observe(this.log);
    this.unlisten = () => {
      sizes.disconnect();
      window.removeEventListener("keydown", onAnyKey, true);
    };
    // A picture that comes late makes what is shown longer.
    this.log.addEventListener("load", () => this.isAtEnd && this.toEndSoon(), true);
    let top = 0;
    this.log.addEventListener("scroll", () => {
      // What is added below meanwhile is not a wish to stay here; only going up is.
      const isNear = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_PX;
      if (isNear) this.isAtEnd = true;
      else if (this.log.scrollTop < top) this.isAtEnd = false;
      top = this.log.scrollTop;
      if (this.isAtEnd) this.newer.hidden = true;
    });
    this.node.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (!isNotebooks(event)) event.stopPropagation();
      if (event.key === "Escape" && this.store.isAtWork && !event.isComposing) {
        this.store.stop();
        event.preventDefault();
      }
    });
    this.node.addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const link = /** @type {Element} */ (event.target).closest?.("a[href]");
      if (link && !link.matches(".nwa-place > .nwa-file")) {
        event.preventDefault();
        this.showTarget(/** @type {HTMLAnchorElement} */ (link).href);
      }
    });
    this.node.addEventListener("auxclick", (/** @type {MouseEvent} */ event) => {
      if (/** @type {Element} */ (event.target).closest?.("a[href]")) event.preventDefault();
    });
    for (const kind of ["dragenter", "dragover"]) {
      this.node.addEventListener(kind, (/** @type {DragEvent} */ event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        event.stopPropagation();
        this.node.classList.add("nwa-drop");
      });
    }
    this.node.addEventListener("dragleave", () => this.node.classList.remove("nwa-drop"));
    this.node.addEventListener("drop", (/** @type {DragEvent} */ event) => {
      this.node.classList.remove("nwa-drop");
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      event.stopPropagation();
      this.composer.upload(files);
    });
  }

  /** Links are the model's, or the data's: say where one goes before it is followed. @param {string} target */
  showTarget(target) {
    const { trans } = this;
    const dialog = openDialog(
      trans,
      this.node,
      trans.__("Open this link?"),
      el("p.nwa-target", { text: target }),
      el(
        "div.nwa-row",
        {},
        button(trans.__("Open"), () => {
          window.open(target, "_blank", "noopener,noreferrer");
          dialog.close();
        }, { css: "nwa-main" }),
        button(trans.__("Cancel"), () => dialog.close()),
      ),
    );
  }

  // -- what the store tells ---------------------------------------------------------------------------

  reset() {
    this.cards.clear();
    this.log.replaceChildren();
    const ids = [...this.store.items.keys()];
    this.earlier = ids.slice(0, -FIRST);
    for (const id of ids.slice(-FIRST)) this.add(/** @type {Item} */ (this.store.items.get(id)));
    this.drawEmpty();
    this.toEnd();
    this.drawEarlierSoon();
  }

  /** @param {Item} item @param {Op} op */
  changed(item, op) {
    if (this.earlier.includes(item.id)) return; // it is drawn as it is then
    const card = this.cards.get(item.id);
    if (op.op === "put" || !card) this.add(item);
    else card.update(op);
    this.markUndone(item);
    this.announce(item, op);
    if (op.op === "put" && item.kind === "user") this.noProblem();
    if (this.isAtEnd || (op.op === "put" && item.kind === "user")) this.toEndSoon();
    else if (op.op === "put") this.newer.hidden = false;
  }

  state() {
    const { store: { state, isLive }, trans } = this;
    this.title.textContent = state.title || trans.__("New session");
    this.title.title = state.title || "";
    this.title.dir = "auto";
    this.cost.textContent = state.cost || "";
    this.context.textContent = state.context || "";
    this.context.title = trans.__("How full the model’s context is: %1 tokens. When it is nearly full, the session so far is summarized.", state.context_tokens);
    this.node.classList.toggle("nwa-busy", Boolean(state.busy));
    this.served.textContent = state.introduction || trans.__("Model: %1.", state.model);
    this.composer.drawState();
    this.signIn.draw(Boolean(state.needs_key));
    this.drawTrouble();
    this.drawStatus();
    if (!isLive && this.store.transport.lost && !this.lost) {
      this.lost = el("p.nwa-item.nwa-notice.nwa-failed", { role: "alert", text: this.store.transport.lost });
      this.log.append(this.lost);
      this.toEnd();
    }
    this.node.classList.toggle("nwa-dead", !isLive);
  }

  /** @param {string} text */
  problem(text) {
    delete this.trouble.dataset.drawn; // to be heard again
    this.troubles.set(String(this.store.state.session), text);
    this.drawTrouble();
  }

  noProblem() {
    this.troubles.delete(String(this.store.state.session));
    this.drawTrouble();
  }

  // -- drawing ----------------------------------------------------------------------------------------

  /** @param {Item} item */
  add(item) {
    this.log.querySelector(".nwa-empty")?.remove();
    this.cards.get(item.id)?.node.remove();
    this.log.append(this.card(item).node);
    this.markUndone(item);
  }

  /** @param {Item} item */
  card(item) {
    const card = new Card(item, this.store, {
      fork: (messageId) => this.fork(messageId),
      goOn: () => this.ask({ type: "go_on" }),
      again: (turn) => this.askAgain(turn),
      edit: (turn, text) => this.composer.edit(turn, text),
      drop: (turn) => this.ask({ type: "drop", turn }),
      undo: (turn) => openUndo(this.store, this.node, turn, (text) => this.problem(text)),
      problem: (text) => this.problem(text),
    });
    this.cards.set(item.id, card);
    return card;
  }

  /** Ask the same again, in a copy of the session that ends before it. @param {string} turn */
  askAgain(turn) {
    const said = [...this.store.items.values()].find((item) => item.kind === "user" && item.turn === turn);
    // Of what was attached only files are known by their names.
    const files = (said?.attached ?? []).filter((/** @type {string} */ name) => /[./]/.test(name));
    if (said) this.ask({ type: "edit", turn, text: said.text, chips: files.map((/** @type {string} */ value) => ({ kind: "file", value })) });
  }

  /** Go on in a copy of the session. @param {string} messageId The last message to copy */
  async fork(messageId) {
    try {
      const reply = await this.store.ask({ type: "fork", message_id: messageId });
      if (reply.id) this.store.transport.chats?.go(reply.id);
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
    }
  }

  /** Go on with what stands above, once the page has been shown and is not needed for anything else. */
  drawEarlierSoon() {
    if (this.earlier.length === 0 || this.isDrawingSoon) return;
    this.isDrawingSoon = true;
    const draw = () => {
      this.isDrawingSoon = false;
      this.drawEarlier();
      this.drawEarlierSoon();
    };
    if ("requestIdleCallback" in window) requestIdleCallback(draw, { timeout: LATEST_MS });
    else setTimeout(draw); // Safari
  }

  /** Draw some of the items that stand above; what is seen stays where it is. */
  drawEarlier() {
    const items = this.earlier.splice(-MORE).flatMap((id) => this.store.items.get(id) ?? []);
    const { log } = this;
    const below = log.scrollHeight - log.scrollTop;
    log.prepend(...items.map((item) => this.card(item).node));
    for (const item of this.store.items.values()) this.markUndone(item); // a turn may begin above what was drawn
    log.scrollTop = log.scrollHeight - below;
  }

  /** Show that a turn was undone on all there is of it. @param {Item} item Its end. */
  markUndone(item) {
    if (item.kind !== "end" || !item.undone) return;
    let node = this.cards.get(item.id)?.node.previousElementSibling;
    for (; node && !node.matches(".nwa-end"); node = node.previousElementSibling) node.classList.add("nwa-undone");
  }

  drawTrouble() {
    const text = this.troubles.get(String(this.store.state.session)) ?? "";
    if (this.trouble.dataset.drawn === text) return;
    this.trouble.dataset.drawn = text;
    if (text) this.trouble.replaceChildren(el("span", { text, dir: "auto" }), button(this.trans.__("Dismiss"), () => this.noProblem(), { icon: "close" }));
    else this.trouble.replaceChildren();
  }

  drawEmpty() {
    if (this.store.items.size || !this.store.isLoaded) return;
    const { trans } = this;
    this.log.append(
      el(
        "div.nwa-empty",
        {},
        el("p", { text: this.words.empty }),
        el("p.nwa-starters", {}, ...this.words.starters.map((text) => button(text, () => this.composer.begin(text)))),
        this.served,
        el("p", { text: trans.__("Enter sends, Shift+Enter makes a new line, Escape stops.") }),
      ),
    );
  }

  drawStatus() {
    const { store: { activitySince, busySince, codeSince, isLoaded, isLive, state }, trans } = this;
    const seconds = (/** @type {number} */ since) => Math.round((performance.now() - since) / 1000);
    if (!isLive) this.status.textContent = this.words.gone;
    else if (!isLoaded) this.status.textContent = this.words.waiting;
    else if (busySince === null) this.status.textContent = state.runs_on ? trans.__("Code of the agent’s still runs · %1 s · Escape stops it", seconds(codeSince)) : "";
    else this.status.textContent = trans.__("%1 · %2 s · Escape stops", state.activity || trans.__("Working"), seconds(activitySince));
  }

  /** Once a frame: asking for the height has the page laid out. */
  toEndSoon() {
    this.isAtEnd = true;
    if (this.scrolling) return;
    this.scrolling = requestAnimationFrame(() => {
      this.scrolling = undefined;
      if (this.isAtEnd) this.toEnd();
    });
  }

  toEnd() {
    this.isAtEnd = true;
    this.newer.hidden = true;
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** Tell a screen reader what a sighted person would notice. @param {Item} item @param {Op} op */
  announce(item, op) {
    if (op.op !== "set" && !(op.op === "put" && item.kind !== "answer")) return;
    const fields = op.op === "set" ? op.fields : item;
    if (item.kind === "answer" && fields.done) this.live.textContent = this.cards.get(item.id)?.parts.textContent ?? "";
    else if (fields.state === "asking") this.live.textContent = this.trans.__("The agent asks: %1", item.title ?? item.questions?.[0]?.question ?? "");
    else if (item.kind === "notice" && op.op === "put" && !this.store.state.busy) this.live.textContent = item.text;
    else if (item.kind === "end" && item.end !== "complete") this.live.textContent = item.text;
  }
}
