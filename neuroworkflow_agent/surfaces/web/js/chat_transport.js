// @ts-check
// A chat's way to the server: server-sent events down, requests up.

import { UNTRANSLATED } from "../../panel/js/translation.js";
import { post } from "./api.js";

/** @import { Transport, Words } from "../../panel/js/transport.js" */

const trans = UNTRANSLATED;
/** @type {Words} */
const WORDS = {
  empty: trans.__("The agent works in the folder of this server, with a kernel of its own for each chat."),
  starters: [trans.__("What is in this folder?"), trans.__("Plot a sine wave."), trans.__("What can you do here?")],
  waiting: trans.__("Waiting for the server …"),
  gone: trans.__("The server does not answer. Trying again …"),
  placeholder: trans.__("Ask the agent. @ adds files and variables; / lists commands."),
};

/** @implements {Transport} */
export class ChatTransport {
  /**
   * @param {string} id The chat's session.
   * @param {Transport["chats"]} chats
   * @param {Transport["enlarge"]} enlarge
   */
  constructor(id, chats, enlarge) {
    this.id = id;
    this.name = id;
    this.trans = trans;
    this.lost = ""; // that is said in the status
    this.words = { ...WORDS };
    this.chats = chats;
    this.enlarge = enlarge;
    this.isOpen = false;
    /** @type {Set<(message: any, buffers: DataView[]) => void>} */
    this.listeners = new Set();
    /** @type {Set<() => void>} */
    this.life = new Set();
  }

  /** @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers = []) {
    // Nobody would hear the answer; it is asked for when the stream is there.
    if (message.type === "hello" && !this.isOpen) return;
    void this.request(message, buffers);
  }

  /** @param {any} message @param {ArrayBuffer[]} buffers */
  async request(message, buffers) {
    try {
      const answer = await this.ask(message, buffers);
      if (answer) this.hand(answer, []);
    } catch (error) {
      if (message.type !== "hello") this.hand({ type: "problem", text: /** @type {Error} */ (error).message, request: message.request }, []);
    }
  }

  /** @param {any} message @param {ArrayBuffer[]} buffers */
  async ask(message, buffers) {
    const path = `chats/${encodeURIComponent(this.id)}`;
    if (message.type === "fork") {
      const { id } = await post(`${path}/fork`, { message_id: message.message_id });
      return { type: "forked", id, request: message.request };
    }
    return (await post(`${path}/messages`, { message, buffers: buffers.map(inBase64) })).message;
  }

  /** @param {string} where Where the chat's code runs; empty for a usual kernel of its own. */
  setPlace(where) {
    this.words.empty = where ? trans.__("The agent works in the folder of this server; its code runs in %1.", where) : WORDS.empty;
  }

  /** What has come for the chat. @param {any} message @param {DataView[]} buffers */
  hand(message, buffers) {
    for (const listener of this.listeners) listener(message, buffers);
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.isOpen = isOpen;
    for (const listener of this.life) listener();
  }

  /** @param {(message: any, buffers: DataView[]) => void} listener */
  receive(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  isAlive() {
    return this.isOpen;
  }

  /** @param {() => void} listener */
  onLife(listener) {
    this.life.add(listener);
    return () => void this.life.delete(listener);
  }

  interrupt() {
    return false;
  }

  async connect() {
    return false;
  }
}

/** @param {ArrayBuffer} buffer */
function inBase64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
