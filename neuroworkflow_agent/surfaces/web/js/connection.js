// @ts-check
// What the server sends while a chat is shown: one stream of events a page, opened anew when it ends.

import { call, proof } from "./api.js";

const FIRST_MS = 300;
const LAST_MS = 5000;
const HIDDEN_MS = 30_000;
/** A browser opens six connections to a server at most: pages that nobody sees, and where nothing happens, give theirs back. */

/**
 * @typedef {object} Listener
 * @property {(message: any, buffers: DataView[]) => void} chat A message of the chat's.
 * @property {(rows: any[]) => void} chats The list of chats.
 * @property {(where: string) => void} place Where the chat's code runs; empty for a usual kernel of its own.
 * @property {(isOpen: boolean) => void} life The stream was opened, or has ended.
 * @property {() => void} gone The chat is not there any more.
 * @property {() => boolean} isBusy Whether a turn runs.
 */

export class Connection {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    this.id = "";
    /** @type {EventSource | null} */
    this.source = null;
    this.isOpen = false;
    this.wait = FIRST_MS;
    document.addEventListener("visibilitychange", () => this.onVisibility());
    window.addEventListener("online", () => this.again());
  }

  /** Show a chat. @param {string} id */
  show(id) {
    this.id = id;
    this.open();
  }

  /** Its session is another one now; the stream stays. @param {string} id */
  rename(id) {
    this.id = id;
  }

  open() {
    this.leave();
    const query = new URLSearchParams({ chat: this.id, ...(proof() ? { _xsrf: proof() } : {}) }); // it takes no headers
    const source = new EventSource(`events?${query}`);
    this.source = source;
    source.onopen = () => {
      this.isOpen = true;
      this.wait = FIRST_MS;
      this.listener.life(true);
    };
    source.onerror = () => {
      if (this.source !== source) return;
      this.leave();
      this.listener.life(false);
      this.retry = setTimeout(() => this.again(), this.wait);
      this.wait = Math.min(2 * this.wait, LAST_MS);
    };
    source.addEventListener("chat", (event) => {
      const { message, buffers } = JSON.parse(event.data);
      this.listener.chat(message, buffers.map(viewOf));
    });
    source.addEventListener("chats", (event) => this.listener.chats(JSON.parse(event.data).message));
    source.addEventListener("place", (event) => this.listener.place(JSON.parse(event.data).message));
    source.addEventListener("gone", () => this.listener.gone());
  }

  /** Find out whether the server is back, and still has the chat. */
  async again() {
    clearTimeout(this.retry);
    if (this.source) return;
    try {
      await call(`chats/${encodeURIComponent(this.id)}`);
    } catch (error) {
      if (/** @type {any} */ (error).status === 404) {
        this.listener.gone();
        return;
      }
    }
    if (!this.source) this.open();
  }

  leave() {
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
    this.isOpen = false;
  }

  onVisibility() {
    clearTimeout(this.hiding);
    if (document.visibilityState === "visible") void this.again();
    else this.hiding = setTimeout(() => this.rest(), HIDDEN_MS);
  }

  rest() {
    if (document.visibilityState === "visible") return;
    if (this.listener.isBusy()) this.hiding = setTimeout(() => this.rest(), HIDDEN_MS);
    else this.leave();
  }
}

/** @param {string} text In base64 @returns {DataView} */
function viewOf(text) {
  return new DataView(Uint8Array.from(atob(text), (each) => each.charCodeAt(0)).buffer);
}
