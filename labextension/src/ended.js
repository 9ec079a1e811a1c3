// @ts-check
// What a cell says of a turn under way ends with the kernel: no code is left there that could take it back.

/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

const OURS = "neuroworkflow_agent";
const ENDS = ["restarting", "autorestarting", "terminating", "dead"];

/** Follow the kernels of all notebooks. @param {INotebookTracker} tracker @param {TranslationBundle} trans */
export function followKernels(tracker, trans) {
  const follow = (/** @type {any} */ _tracker, /** @type {NotebookPanel} */ panel) => {
    const end = () => endActivities(panel, trans.__("The kernel ended here"));
    panel.sessionContext.statusChanged.connect((_context, status) => {
      if (ENDS.includes(status)) end();
    });
    panel.sessionContext.kernelChanged.connect((_context, { oldValue }) => {
      if (oldValue) end();
    });
  };
  tracker.widgetAdded.connect(follow);
  tracker.forEach((panel) => follow(null, panel));
}

/** Say what ended it in place of what the outputs say is being waited for. @param {NotebookPanel} panel @param {string} said */
function endActivities(panel, said) {
  if (panel.isDisposed) return;
  for (const cell of panel.content.model?.cells ?? []) {
    const outputs = /** @type {any} */ (cell).outputs;
    for (let index = 0; index < (outputs?.length ?? 0); index += 1) {
      const output = outputs.get(index).toJSON();
      const activity = output.metadata?.[OURS]?.activity;
      if (typeof activity === "string" && activity) outputs.set(index, ended(output, activity, said));
    }
  }
}

/** @param {any} output @param {string} activity @param {string} said */
function ended(output, activity, said) {
  const { [OURS]: _ours, ...metadata } = output.metadata;
  const data = { ...output.data };
  for (const kind of ["text/html", "text/plain"]) {
    const text = [data[kind] ?? ""].flat().join("");
    const below = kind === "text/html" ? `<p>${said}</p>` : `\n${said}`; // a card that asks does not name what is waited for
    data[kind] = text.includes(activity) ? text.replace(activity, () => said) : text + below; // a function: a string may hold patterns
  }
  return { ...output, data, metadata };
}
