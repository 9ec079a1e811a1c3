// @ts-check
// What is beside one notebook: its chat, or why there is none. It owns the comms of its page until the notebook is closed.

import { el } from "../../neuroworkflow_agent/surfaces/panel/js/dom.js";
import { NotebookPage } from "../../neuroworkflow_agent/surfaces/panel/js/notebook.js";
import { connectLink, usable } from "../../neuroworkflow_agent/surfaces/panel/js/notebook_context.js";
import { PanelNotebook } from "../../neuroworkflow_agent/surfaces/panel/js/notebook_page.js";
import { PanelView } from "../../neuroworkflow_agent/surfaces/panel/js/panel.js";
import { Store } from "../../neuroworkflow_agent/surfaces/panel/js/store.js";
import "../../neuroworkflow_agent/render/markdown.css";
import "../../neuroworkflow_agent/surfaces/panel/panel.css";
import "../style/side_bar.css";

import { codeOfAnswer, lastCode } from "./answers.js";
import { Comm } from "./comm.js";
import { offerChange } from "./in_cell.js";
import { forget, remember, subshellIn } from "./known_kernels.js";
import { load } from "./loading.js";
import { UNSET } from "./preferences.js";
import { Saying } from "./saying.js";
import { Tabs } from "./tabs.js";
import { Variables } from "./variables.js";
import { endSubshell, makeSubshell } from "./subshell.js";

/** @import { Cell } from "@jupyterlab/cells" */
/** @import { NotebookPanel } from "@jupyterlab/notebook" */
/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Preferences } from "./preferences.js" */
/** @import { Transport } from "../../neuroworkflow_agent/surfaces/panel/js/transport.js" */

const CHAT = "neuroworkflow_agent.side_bar";
const PAGE = "neuroworkflow_agent.notebook_page";
const MAX_CELLS = 300;
const SETTINGS_MS = 1000;
const GONE = ["restarting", "autorestarting", "terminating", "dead"];

export class Beside {
  /** @param {NotebookPanel} panel @param {TranslationBundle} trans @param {() => Promise<Preferences>} readPreferences */
  constructor(panel, trans, readPreferences) {
    this.readPreferences = readPreferences;
    this.preferences = UNSET;
    this.panel = panel;
    this.trans = trans;
    this.saying = new Saying(trans);
    this.node = el("div.nwa-beside", {}, this.saying.node);
    this.chat = new Comm(CHAT, () => this.closedByKernel());
    this.page = new Comm(PAGE, () => {});
    /** @type {Set<() => void>} */
    this.lifeListeners = new Set();
    /** The kernel whose chat is shown. @type {IKernelConnection | null} */
    this.kernel = null;
    /** Called once there is a chat. @type {(store: Store) => void} */
    this.onStore = () => {};
    this.attempt = 0;
    /** @type {(beside: this) => void} */
    this.tellReady = () => {};
    /** @type {Promise<this>} */
    this.isReady = new Promise((resolve) => (this.tellReady = resolve));
    /** Whether the kernel has ended, and a new one is waited for. */
    this.isLost = false;
    /** Whether the kernel has yet to take up the loading of our package. */
    this.isInLine = false;
    /** Messages that wait for those before them, and the last of them. */
    this.unsent = 0;
    this.line = Promise.resolve();
    /** @type {Store | null} */
    this.store = null;
    /** @type {PanelView | null} */
    this.view = null;
    /** @type {Variables | null} */
    this.variables = null;
    /** @type {Tabs | null} */
    this.tabs = null;
    /** @type {NotebookPage | null} */
    this.notebookPage = null;
    const { context, sessionContext } = panel;
    this.onKernel = () => void this.connect();
    this.onStatus = (/** @type {any} */ _session, /** @type {string} */ status) => this.follow(status);
    this.onConnection = (/** @type {any} */ _session, /** @type {string} */ status) => {
      if (status === "connected") this.store?.renew(); // what was sent meanwhile may be lost
    };
    sessionContext.kernelChanged.connect(this.onKernel);
    sessionContext.statusChanged.connect(this.onStatus);
    sessionContext.connectionStatusChanged.connect(this.onConnection);
    this.onSaved = () => this.chat.send({ type: "notebook", ...this.described() });
    context.fileChanged.connect(this.onSaved);
    context.pathChanged.connect(this.onSaved);
    void this.connect();
  }

  close() {
    this.attempt += 1;
    const { context, sessionContext } = this.panel;
    context.fileChanged.disconnect(this.onSaved);
    context.pathChanged.disconnect(this.onSaved);
    sessionContext.kernelChanged.disconnect(this.onKernel);
    sessionContext.statusChanged.disconnect(this.onStatus);
    sessionContext.connectionStatusChanged.disconnect(this.onConnection);
    this.notebookPage?.close();
    this.view?.close();
    this.variables?.close();
    this.store?.close();
    this.chat.leave();
    this.page.leave();
    this.node.remove();
  }

  /** Have what is typed come here; the chat takes it over once it is there. */
  focus() {
    if (this.view && !this.tabs?.node.hidden) this.view.composer.field.focus();
    else this.saying.focus();
  }

  // -- the kernel -------------------------------------------------------------------------------------

  /** @param {string} status */
  follow(status) {
    if (GONE.includes(status)) this.lose();
    else if (this.isInLine) this.sayWhatIsAwaited(status);
    else if (this.isLost && ["idle", "busy"].includes(status)) void this.connect();
  }

  /** While our package waits to be brought in. @param {string} status The kernel's */
  sayWhatIsAwaited(status) {
    if (this.view) return;
    if (this.isInLine && status === "busy") this.saying.waiting();
    else this.saying.loading();
  }

  /** The kernel has ended, or is about to. */
  lose() {
    this.attempt += 1;
    this.isInLine = false;
    this.isLost = true;
    this.kernel = null;
    this.chat.leave();
    this.page.leave();
    this.tellLife();
    if (!this.view) this.saying.noKernel(() => this.start());
  }

  /** A page that was loaded anew may have remembered a kernel that has been restarted meanwhile. */
  closedByKernel() {
    if (!this.kernel) return;
    forget(this.kernel);
    this.kernel = null;
    void this.connect();
  }

  async start() {
    const { sessionContext } = this.panel;
    if (await sessionContext.startKernel()) await sessionContext.restartKernel();
  }

  /** Find out what the kernel is, bring our package in, and open its chat. */
  async connect() {
    const mine = (this.attempt += 1);
    this.isInLine = false;
    this.isLost = false;
    const isMine = () => mine === this.attempt;
    const { sessionContext } = this.panel;
    // Not while one is there: that would wait for the cell that it runs.
    if (!sessionContext.session?.kernel) await sessionContext.ready;
    const session = sessionContext.session;
    const kernel = session?.kernel;
    if (!isMine()) return;
    if (!session || !kernel || GONE.includes(kernel.status)) {
      this.lose();
      return;
    }
    // What the page knows of it already, or else asked of the server.
    const spec = sessionContext.specsManager.specs?.kernelspecs[kernel.name] ?? (await kernel.spec);
    if (!isMine()) return;
    const language = spec?.language ?? "";
    if (language.toLowerCase() !== "python") {
      this.show(null);
      this.saying.otherLanguage(sessionContext.kernelDisplayName);
      return;
    }
    const before = subshellIn(kernel);
    if (before === null) {
      this.isInLine = true;
      this.sayWhatIsAwaited(kernel.status);
      const begins = () => {
        if (!isMine()) return;
        this.isInLine = false;
        this.sayWhatIsAwaited(kernel.status);
      };
      const loaded = await load(kernel, this.trans, begins).catch(() => null); // the kernel ended meanwhile
      if (!isMine() || !loaded) return;
      if (loaded.outcome !== "ready") {
        this.show(null);
        if (loaded.outcome === "missing") this.saying.missing(kernel, loaded.install, () => void this.connect());
        else this.saying.trouble(loaded.text, () => void this.connect());
        return;
      }
    }
    const reading = this.readPreferences().catch(() => UNSET); // the server may be slow, or not know them
    const [subshell, preferences] = await Promise.all([makeSubshell(kernel), reading]);
    if (!isMine()) return;
    if (before) endSubshell(kernel, before);
    remember(kernel, subshell);
    this.kernel = kernel;
    this.preferences = preferences;
    const about = { session: session.id, ...this.described(), preferences };
    this.chat.open(kernel, subshell, session.id, about);
    this.page.open(kernel, subshell, session.id, about);
    this.begin();
  }

  /** Follow settings that were changed since the chat was opened, here or elsewhere; where they cannot be read, it stays as it is. */
  async followPreferences() {
    const late = new Promise((resolve) => setTimeout(resolve, SETTINGS_MS, null));
    const preferences = await Promise.race([this.readPreferences().catch(() => null), late]);
    if (!preferences || JSON.stringify(preferences) === JSON.stringify(this.preferences)) return;
    this.preferences = preferences;
    this.view?.composer.lock(preferences.locked);
    this.chat.send({ type: "preferences", preferences });
  }

  /** What the notebook is found again by when its kernel has been restarted. */
  described() {
    const cells = usable(this.panel.context)?.model.sharedModel.cells ?? [];
    return { path: this.panel.context.path, cells: cells.slice(0, MAX_CELLS).map((/** @type {any} */ cell) => cell.getId()) };
  }

  /** Show the chat that the comm leads to now. */
  begin() {
    const context = () => usable(this.panel.context);
    this.notebookPage?.close();
    this.notebookPage = new NotebookPage({ send: (message) => this.page.send(message), receive: (listener) => this.page.receive(listener), context });
    if (this.store) {
      this.store.renew();
      this.variables?.renew();
    }
    else {
      const notebook = new PanelNotebook({ trans: this.trans, context, around: async () => ({ widget: this.panel.content, own: "" }), compare: (cell, source) => this.offer(cell, source), isAtEnd: () => this.preferences.insert === "end" });
      this.store = new Store(this.transport(), notebook);
      this.onStore(this.store);
      this.view = new PanelView(this.store);
      this.view.node.classList.add("nwa-full");
      this.variables = new Variables(this.transport(), this.trans, (name) => this.pointAt(name));
      const { variables, trans } = this;
      this.tabs = new Tabs(trans.__("Agent"), [
        { name: trans.__("Chat"), node: el("div.nwa-page", {}, this.view.node), onShow: () => this.view?.toEnd() },
        { name: trans.__("Variables"), node: variables.node, onShow: () => variables.show(), onHide: () => variables.hide() },
      ]);
      this.node.append(this.tabs.node);
      void notebook.follow();
    }
    this.view?.composer.lock(this.preferences.locked);
    this.tellLife();
    this.show(this.view);
    this.tellReady(this);
  }

  // -- what is asked at a cell ------------------------------------------------------------------------

  /** Once there is a chat. */
  whenReady() {
    return this.isReady;
  }

  /** Put a text in front of the message that is being written. @param {string} text */
  write(text) {
    this.tabs?.choose(0);
    const composer = this.view?.composer;
    composer?.begin(`${composer.field.value}${composer.field.value && !composer.field.value.endsWith(" ") ? " " : ""}${text}`);
  }

  /** Send a message; what is being written stays. @param {string} text */
  async say(text) {
    this.tabs?.choose(0);
    const selection = text.includes("@selection") ? this.store?.notebook.selection() : null;
    try {
      await this.store?.ask({ type: "ask", text, chips: selection ? [{ kind: "selection", value: selection }] : [] });
    } catch (error) {
      this.view?.problem(/** @type {Error} */ (error).message);
    }
  }

  /** Have the agent write a cell anew, and offer that as a change. @param {Cell} cell @param {string} name @param {string} wish */
  async change(cell, name, wish) {
    const { trans } = this;
    const text = trans.__("%1: %2\n\nAnswer with the whole new text of this cell in one code block. Do not change the cell yourself.", name, wish);
    const code = this.store ? await codeOfAnswer(this.store, text) : null;
    if (code === null) throw new Error(trans.__("The answer has no code; see the chat."));
    if (!cell.isDisposed) this.offer(cell, code);
  }

  /** Take the agent's last code into the notebook, as the buttons beside it do. @param {"insert" | "replace" | "compare"} how @returns {boolean} Whether it could be. */
  take(how) {
    const code = this.store ? lastCode(this.store) : "";
    try {
      if (!code) throw new Error(this.trans.__("The agent has written no code in this session yet."));
      this.store?.notebook[how](code);
      return true;
    } catch (error) {
      this.view?.problem(/** @type {Error} */ (error).message);
      return false;
    }
  }

  /** @param {Cell} cell @param {string} source */
  offer(cell, source) {
    offerChange(cell, source, this.trans, (text) => this.view?.problem(text));
  }

  /** Have the next message point at a variable. @param {string} name */
  pointAt(name) {
    this.tabs?.choose(0);
    this.view?.composer.addChip("variable", name);
    this.view?.composer.field.focus();
  }

  /** @param {PanelView | null} view */
  show(view) {
    const hadFocus = this.saying.node.contains(document.activeElement);
    if (this.tabs) this.tabs.node.hidden = view === null;
    this.saying.node.hidden = view !== null;
    view?.toEnd();
    if (view && hadFocus) view.composer.field.focus();
  }

  /** Send what the page says, in its order: what is asked waits for the settings, and the rest for what was asked. @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers) {
    const isAsked = message.type === "ask";
    if (!isAsked && !this.unsent) {
      this.chat.send(message, buffers);
      return;
    }
    this.unsent += 1;
    this.line = this.line.catch(() => {}).then(async () => {
      if (isAsked) await this.followPreferences();
      this.unsent -= 1;
      this.chat.send(message, buffers);
    });
  }

  /** @returns {Transport} */
  transport() {
    return {
      name: `side-bar-${this.panel.context.path}`,
      trans: this.trans,
      lost: "",
      send: (message, buffers) => this.send(message, buffers),
      receive: (listener) => this.chat.receive(listener),
      isAlive: () => this.chat.isOpen,
      onLife: (listener) => {
        this.lifeListeners.add(listener);
        return () => void this.lifeListeners.delete(listener);
      },
      interrupt: () => {
        void this.kernel?.interrupt();
        return this.kernel !== null;
      },
      connect: (anchor, link) => connectLink(this.panel.content.rendermime, anchor, link),
    };
  }

  tellLife() {
    for (const listener of this.lifeListeners) listener();
  }
}
