// @ts-check
// Which kernels this tab has brought our package into, with its subshell there: after a reload their chats are met at once.

/** @import { IKernelConnection } from "@jupyterlab/services/lib/kernel/kernel.js" */

/** The subshell in a kernel that has our package, empty if it has none; null if that is not known. @param {IKernelConnection} kernel */
export function subshellIn(kernel) {
  try {
    return sessionStorage.getItem(key(kernel));
  } catch {
    return null;
  }
}

/** @param {IKernelConnection} kernel @param {string | null} subshell */
export function remember(kernel, subshell) {
  try {
    sessionStorage.setItem(key(kernel), subshell ?? "");
  } catch {
    // Storage may be full or forbidden; then a page that is loaded anew waits for the running cell.
  }
}

/** @param {IKernelConnection} kernel */
export function forget(kernel) {
  try {
    sessionStorage.removeItem(key(kernel));
  } catch {
    // Then nothing was kept either.
  }
}

/** @param {IKernelConnection} kernel */
function key(kernel) {
  return `nwa-kernel-${kernel.id}`;
}
