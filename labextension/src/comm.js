// @ts-check
// A comm with the kernel that outlives restarts: every page of a notebook uses one of the same id, so that each hears all.

/** @import { IComm, IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */

const SUBSHELL_MS = 2000;

export class Comm {
  /** @param {string} target Its name, as the kernel knows it. @param {() => void} onGone Called when the kernel has closed it. */
  constructor(target, onGone) {
    this.target = target;
    this.onGone = onGone;
    /** @type {IComm | null} */
    this.comm = null;
    /** @type {Set<(message: any, buffers: DataView[]) => void>} */
    this.listeners = new Set();
  }

  get isOpen() {
    return this.comm !== null && !this.comm.isDisposed;
  }

  /**
   * Open it, in place of one that was open before.
   * @param {IKernelConnection} kernel @param {string} key What the chat belongs to. @param {any} about
   */
  async open(kernel, key, about) {
    this.leave();
    const comm = kernel.createComm(this.target, `${this.target}:${key}`);
    this.comm = comm;
    comm.onMsg = ({ content, buffers }) => {
      for (const listener of this.listeners) listener(content.data, /** @type {DataView[]} */ (buffers ?? []));
    };
    comm.onClose = () => {
      if (this.comm === comm) this.onGone();
    };
    // Where the kernel has subshells, messages need not wait for the cell that runs.
    const started = /** @type {any} */ (comm).subshellStarted;
    if (started && /** @type {any} */ (kernel).supportsSubshells) await inTime(started);
    if (this.comm === comm && !comm.isDisposed) comm.open(about);
  }

  /** Leave it open for other pages. */
  leave() {
    this.comm?.dispose();
    this.comm = null;
  }

  /** @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers) {
    if (this.isOpen) this.comm?.send(message, undefined, buffers);
  }

  /** @param {(message: any, buffers: DataView[]) => void} listener */
  receive(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

/** @param {Promise<unknown>} promise */
function inTime(promise) {
  return Promise.race([promise.catch(() => {}), new Promise((done) => setTimeout(done, SUBSHELL_MS))]);
}
