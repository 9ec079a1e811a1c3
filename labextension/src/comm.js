// @ts-check
// A comm with the kernel that outlives restarts: every page of a notebook uses one of the same id, so that each hears all.

import { KernelMessage } from "@jupyterlab/services";

/** @import { IComm, IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */

export class Comm {
  /** @param {string} target Its name, as the kernel knows it. @param {() => void} onGone Called when the kernel has closed it. */
  constructor(target, onGone) {
    this.target = target;
    this.onGone = onGone;
    /** @type {IKernelConnection | null} */
    this.kernel = null;
    /** @type {string | null} */
    this.subshell = null;
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
   * @param {IKernelConnection} kernel @param {string | null} subshell @param {string} key What the chat belongs to. @param {any} about
   */
  open(kernel, subshell, key, about) {
    this.leave();
    const comm = kernel.createComm(this.target, `${this.target}:${key}`);
    // We have a subshell; before JupyterLab 4.4 there is nothing to switch off.
    if ("commsOverSubshells" in comm) /** @type {any} */ (comm).commsOverSubshells = "disabled";
    this.kernel = kernel;
    this.subshell = subshell;
    this.comm = comm;
    comm.onMsg = ({ content, buffers }) => {
      for (const listener of this.listeners) listener(content.data, /** @type {DataView[]} */ (buffers ?? []));
    };
    comm.onClose = () => {
      if (this.comm === comm) this.onGone();
    };
    this.put("comm_open", { comm_id: comm.commId, target_name: this.target, data: about }, []);
  }

  /** Leave it open for other pages. */
  leave() {
    this.comm?.dispose();
    this.comm = null;
  }

  /** @param {any} message @param {ArrayBuffer[]} [buffers] */
  send(message, buffers = []) {
    if (this.comm && this.isOpen) this.put("comm_msg", { comm_id: this.comm.commId, data: message }, buffers);
  }

  /** @param {string} type @param {any} content @param {ArrayBuffer[]} buffers */
  put(type, content, buffers) {
    const { kernel } = this;
    if (!kernel || kernel.isDisposed || kernel.status === "dead") return;
    const message = KernelMessage.createMessage(
      /** @type {any} */ ({ msgType: type, channel: "shell", username: kernel.username, session: kernel.clientId, content, buffers }),
    );
    if (this.subshell !== null) /** @type {any} */ (message.header).subshell_id = this.subshell;
    kernel.sendShellMessage(/** @type {any} */ (message), false, true);
  }

  /** @param {(message: any, buffers: DataView[]) => void} listener */
  receive(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
