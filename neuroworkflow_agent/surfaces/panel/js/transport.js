// @ts-check
// What carries messages between a page and a chat, and what of its surroundings a chat uses: one object for each way in.

/**
 * @typedef {object} Transport
 * @property {string} name Of the chat, the same in every view of it and after a reload.
 * @property {string} lost What is said in the transcript once it is not alive any more; empty where that is said elsewhere.
 * @property {(message: any, buffers?: ArrayBuffer[]) => void} send
 * @property {(listener: (message: any, buffers: DataView[]) => void) => () => void} receive Have what comes handed on; returns the way to end that.
 * @property {() => boolean | Promise<boolean>} isAlive Whether somebody is at the other end.
 * @property {(listener: () => void) => () => void} onLife Have it said when that may have changed; returns the way to end that.
 * @property {() => boolean} interrupt Interrupt the code that runs, where messages have to wait for it; false if there is no way to.
 * @property {(anchor: HTMLAnchorElement, link: string) => Promise<boolean>} connect
 *   Have a link open a file of the server's; `link` is from the notebook, quoted. Whether the page can.
 */

export {};
