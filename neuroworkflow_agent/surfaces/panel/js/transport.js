// @ts-check
// What carries messages between a page and a chat, and what of its surroundings a chat uses: one object for each way in.

/** @import { Translation } from "./translation.js" */

/**
 * @typedef {object} Transport
 * @property {string} name Of the chat, the same in every view of it and after a reload.
 * @property {Translation} trans In whose language the page speaks.
 * @property {string} lost What is said in the transcript once it is not alive any more; empty where that is said elsewhere.
 * @property {(message: any, buffers?: ArrayBuffer[]) => void} send
 * @property {(listener: (message: any, buffers: DataView[]) => void) => () => void} receive Have what comes handed on; returns the way to end that.
 * @property {() => boolean | Promise<boolean>} isAlive Whether somebody is at the other end.
 * @property {(listener: () => void) => () => void} onLife Have it said when that may have changed; returns the way to end that.
 * @property {() => boolean} interrupt Interrupt the code that runs, where messages have to wait for it; false if there is no way to.
 * @property {(anchor: HTMLAnchorElement, link: string) => Promise<boolean>} connect
 *   Have a link open a file of the server's; `link` is from the notebook, quoted. Whether the page can.
 * @property {Words} [words] What is said here otherwise than beside a notebook.
 * @property {{begin(): void, list(): void, go(id: string): void}} [chats] Where chats are many: how a page gets to another one.
 * @property {(image: HTMLImageElement) => void} [enlarge] Where there is room for a picture as a whole.
 */

/**
 * @typedef {object} Words
 * @property {string} empty Of a chat in which nothing was said.
 * @property {string[]} starters What may be asked first.
 * @property {string} waiting While there is no answer to the page's first message.
 * @property {string} gone When nobody is at the other end.
 * @property {string} placeholder Of the field.
 */

/** @param {Translation} trans @returns {Words} */
export function besideANotebook(trans) {
  return {
    empty: trans.__("The agent works in this notebook’s kernel, with the variables you have."),
    starters: [trans.__("What is in my variables?"), trans.__("Plot the data of my last cell."), trans.__("Explain my last cell.")],
    waiting: trans.__("Waiting for the kernel …"),
    gone: trans.__("No kernel"),
    placeholder: trans.__("Ask the agent. @ adds files, variables, cells; / lists commands."),
  };
}
