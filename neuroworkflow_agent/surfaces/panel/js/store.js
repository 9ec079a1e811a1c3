// @ts-check
// What the kernel has told this page about one panel; every view of the panel draws from it.

import { uniqueId } from "./dom.js";

/** @import { PanelNotebook } from "./notebook_page.js" */
/** @import { Transport } from "./transport.js" */

/**
 * @typedef {{id: string, kind: string, parts: string[], [field: string]: any}} Item
 * @typedef {{op: "put", item: Item} | {op: "set", id: string, fields: Record<string, any>}
 *   | {op: "parts", id: string, start: number, keep: number, tail: string | null, more: string[]}} Op
 * @typedef {{reset(): void, changed(item: Item, op: Op): void, state(): void, problem(text: string): void}} Listener
 */

const ANSWER_MS = 500;
const RETRY_MS = 4000;

export class Store {
  /** @param {Transport} transport @param {PanelNotebook} notebook The one that the chat is beside; it ends with this. */
  constructor(transport, notebook) {
    this.transport = transport;
    this.trans = transport.trans;
    this.notebook = notebook;
    /** @type {Map<string, Item>} */
    this.items = new Map();
    /** @type {Record<string, any>} */
    this.state = { busy: false, activity: "", queue: [], title: "", models: [], modes: [], model: "", mode: "", introduction: "", error: "", session: null, needs_key: false, runs_on: false, left_code_s: 0 };
    this.isLoaded = false;
    this.isLive = true;
    /** @type {number | null} */
    this.busySince = null;
    this.activitySince = 0;
    this.codeSince = 0;
    this.seq = -1;
    this.name = uniqueId("view");
    /** @type {any[]} */
    this.early = [];
    /** @type {Item[]} */
    this.arriving = [];
    this.parts = 0; // of a snapshot that arrives, and what it is of
    this.partsOf = -1;
    /** @type {Set<Listener>} */
    this.listeners = new Set();
    /** @type {Map<number, {resolve: Function, reject: Function}>} */
    this.requests = new Map();
    this.count = 0;
    /** @type {Map<string, string>} */
    this.pictures = new Map();
    /** @type {Map<string, Set<(url: string) => void>>} */
    this.wanted = new Map();
    this.ends = [transport.receive((message, buffers) => this.receive(message, buffers)), transport.onLife(() => this.checkLife())];
    this.hello();
  }

  close() {
    for (const end of this.ends) end();
    clearTimeout(this.retry);
    this.notebook.close();
    for (const url of this.pictures.values()) URL.revokeObjectURL(url);
  }

  /** @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers) {
    this.transport.send(message, buffers);
  }

  /**
   * Send a message that is answered; a problem rejects.
   * @param {any} message @param {ArrayBuffer[]} [buffers] @returns {Promise<any>}
   */
  ask(message, buffers) {
    this.count += 1;
    const request = this.count;
    return new Promise((resolve, reject) => {
      this.requests.set(request, { resolve, reject });
      this.send({ ...message, request: `${this.name}:${request}` }, buffers);
    });
  }

  /** Ask for everything; again if no answer comes, since a busy kernel may be slow and a new one deaf. */
  hello() {
    this.send({ type: "hello", view: this.name });
    this.helloLater();
  }

  helloLater() {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      if ((!this.isLoaded || this.arriving.length) && this.isLive) this.hello();
    }, RETRY_MS);
  }

  /** Begin anew with who is at the other end now: what was asked before nobody answers any more. */
  renew() {
    const asked = [...this.requests.values()];
    this.requests.clear();
    for (const { reject } of asked) reject(new Error(this.trans.__("The kernel ended before it had taken this in. Send it again.")));
    this.isLoaded = false;
    this.early = [];
    this.hello();
    void this.checkLife();
  }

  async checkLife() {
    this.isLive = await this.transport.isAlive();
    // Nothing is done any more where nobody is.
    if (!this.isLive && this.isAtWork) this.setState({ busy: false, activity: "", runs_on: false });
    this.tell("state");
  }

  /** @param {any} message @param {DataView[]} buffers */
  receive(message, buffers) {
    switch (message.type) {
      case "snapshot":
        if (message.view === null || message.view === this.name) this.takeSnapshot(message);
        break;
      case "patch":
        this.takePatch(message);
        break;
      case "picture":
        this.keepPicture(message, buffers[0]);
        break;
      case "stopping":
        this.stopHeard = true;
        break;
      default:
        this.settle(message);
    }
  }

  /** @param {any} message */
  settle(message) {
    const [name, number] = String(message.request ?? "").split(":");
    const waiting = name === this.name ? this.requests.get(Number(number)) : undefined;
    if (waiting) {
      this.requests.delete(Number(number));
      if (message.type === "problem") waiting.reject(new Error(message.text));
      else waiting.resolve(message);
    } else if (message.type === "problem" && !message.request) {
      for (const listener of this.listeners) listener.problem(message.text);
    }
  }

  /** @param {any} message */
  takeSnapshot(message) {
    if (message.part === 0) {
      this.arriving = [];
      this.parts = 0;
      this.partsOf = message.seq;
    } else if (message.part !== this.parts || message.seq !== this.partsOf) return; // of one that another has cut off
    this.parts += 1;
    this.arriving.push(...message.items);
    if (this.parts < message.of) {
      this.helloLater(); // it is on its way, as slow as that may be
      return;
    }
    clearTimeout(this.retry);
    this.items = new Map(this.arriving.map((item) => [item.id, item]));
    this.arriving = [];
    this.seq = message.seq;
    this.isLoaded = true;
    this.setState(message.state);
    this.tell("reset");
    const early = this.early;
    this.early = [];
    for (const patch of early) this.takePatch(patch);
  }

  /** @param {any} message */
  takePatch(message) {
    if (!this.isLoaded || this.arriving.length) {
      this.early.push(message);
      return;
    }
    if (message.seq <= this.seq) return;
    if (message.seq > this.seq + 1) {
      this.isLoaded = false;
      this.early = [message];
      this.hello();
      return;
    }
    this.seq = message.seq;
    for (const op of message.ops) this.apply(op);
    this.setState(message.state);
  }

  /** @param {Op} op */
  apply(op) {
    if (op.op === "put") {
      this.items.set(op.item.id, op.item);
      for (const listener of this.listeners) listener.changed(op.item, op);
      return;
    }
    const item = this.items.get(op.id);
    if (!item) return;
    if (op.op === "set") Object.assign(item, op.fields);
    else if (op.tail === null) item.parts.length = op.start;
    else {
      const kept = (item.parts[op.start] ?? "").slice(0, op.keep);
      item.parts.splice(op.start, Infinity, kept + op.tail, ...op.more);
    }
    for (const listener of this.listeners) listener.changed(item, op);
  }

  /** @param {Record<string, any>} changed */
  setState(changed) {
    if (Object.keys(changed).length === 0) return;
    if (changed.busy !== undefined && changed.busy !== (this.busySince !== null)) {
      this.busySince = changed.busy ? performance.now() : null;
    }
    if (changed.activity !== undefined) this.activitySince = performance.now();
    if (changed.left_code_s !== undefined) this.codeSince = performance.now() - changed.left_code_s * 1000;
    Object.assign(this.state, changed);
    this.tell("state");
  }

  /** @param {"reset" | "state"} what */
  tell(what) {
    for (const listener of this.listeners) listener[what]();
  }

  /** Whether a turn runs, or code of one that has ended. */
  get isAtWork() {
    return Boolean(this.state.busy || this.state.runs_on);
  }

  /** Stop the turn. Where messages wait for the running cell, interrupt the agent's own code instead. */
  stop() {
    this.stopHeard = false;
    this.send({ type: "stop" });
    setTimeout(() => {
      if (this.stopHeard || !this.isAtWork) return;
      const runs = [...this.items.values()].some((item) => item.kind === "tool" && item.state === "running" && item.name === "run_code");
      if (runs && this.transport.interrupt()) return;
      for (const listener of this.listeners) listener.problem(this.trans.__("Stop is on its way; this Jupyter hands it over when the running cell ends."));
    }, ANSWER_MS);
  }

  // -- pictures ---------------------------------------------------------------------------------------

  /**
   * Call back with a URL of the picture as soon as it is here.
   * @param {string} key @param {(url: string) => void} place
   */
  picture(key, place) {
    const known = this.pictures.get(key);
    if (known) {
      place(known);
      return;
    }
    const waiting = this.wanted.get(key);
    if (waiting) waiting.add(place);
    else {
      this.wanted.set(key, new Set([place]));
      // One that was just drawn comes by itself.
      setTimeout(() => {
        if (!this.pictures.has(key)) this.send({ type: "picture", key });
      }, 100);
    }
  }

  /** @param {any} message @param {DataView} data */
  keepPicture(message, data) {
    if (this.pictures.has(message.key) || !data) return;
    const url = URL.createObjectURL(new Blob([/** @type {any} */ (data)], { type: message.media_type }));
    this.pictures.set(message.key, url);
    for (const place of this.wanted.get(message.key) ?? []) place(url);
    this.wanted.delete(message.key);
  }
}
