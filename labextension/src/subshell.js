// @ts-check
// A subshell of the kernel's for a page's messages, so that none has to wait for the cell that runs.
//
// JupyterLab makes subshells for comms as well, from 4.4 on, but only once the kernel has answered on its main thread: a page that
// is loaded while a cell runs would wait for that cell.

import { KernelMessage } from "@jupyterlab/services";

/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */

const ANSWER_MS = 6000; // JupyterLab keeps messages back for 3 s, until the kernel has said what it is.

/** Make one; null where the kernel has none, or does not answer. @param {IKernelConnection} kernel @returns {Promise<string | null>} */
export async function makeSubshell(kernel) {
  const asked = ask(kernel, "create_subshell_request", {});
  // What has none may not answer at all.
  const lacking = kernel.info.then((info) => (/** @type {any} */ (info).supported_features?.includes("kernel subshells") ? asked : null));
  const reply = await Promise.race([asked, lacking.catch(() => asked)]);
  return reply?.content?.status === "ok" ? reply.content.subshell_id : null;
}

/** End one, which may have ended with its kernel already. @param {IKernelConnection} kernel @param {string} id */
export function endSubshell(kernel, id) {
  void ask(kernel, "delete_subshell_request", { subshell_id: id });
}

/** @param {IKernelConnection} kernel @param {string} type @param {any} content @returns {Promise<any>} The reply; null if there is none in time. */
function ask(kernel, type, content) {
  if (kernel.isDisposed || kernel.status === "dead") return Promise.resolve(null);
  const message = KernelMessage.createMessage(/** @type {any} */ ({ msgType: type, channel: "control", username: kernel.username, session: kernel.clientId, content }));
  const future = kernel.sendControlMessage(/** @type {any} */ (message), true, true);
  const reply = new Promise((resolve) => {
    future.onReply = (answer) => resolve(answer);
    future.done.catch(() => resolve(null)); // the kernel ended
    setTimeout(() => resolve(null), ANSWER_MS);
  });
  return reply.finally(() => future.dispose());
}
