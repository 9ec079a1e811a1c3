// @ts-check
// Buttons below an error output: they ask the agent about the cell.

import { EXPLAIN, FIX, hasFailed } from "./cells.js";

/** @import { JupyterFrontEnd } from "@jupyterlab/application" */
/** @import { Cell } from "@jupyterlab/cells" */
/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

/** Follow all notebooks. @param {JupyterFrontEnd} app @param {INotebookTracker} tracker @param {TranslationBundle} trans */
export function followErrors(app, tracker, trans) {
  /** Cells whose outputs are followed. @type {WeakSet<Cell>} */
  const known = new WeakSet();
  /** @param {NotebookPanel} panel */
  const look = (panel) => {
    for (const cell of panel.content?.widgets ?? []) {
      const outputs = /** @type {any} */ (cell.model)?.outputs;
      if (!outputs || known.has(cell)) continue;
      known.add(cell);
      const follow = () => draw(app, panel, cell, trans);
      outputs.changed.connect(follow);
      follow();
    }
    app.commands.notifyCommandChanged(FIX);
  };
  const follow = (/** @type {any} */ _tracker, /** @type {NotebookPanel} */ panel) => {
    void panel.context.ready.then(() => {
      if (panel.isDisposed) return;
      const again = () => requestAnimationFrame(() => !panel.isDisposed && look(panel));
      panel.content.model?.cells.changed.connect(again);
      again();
    });
  };
  tracker.widgetAdded.connect(follow);
  tracker.forEach((panel) => follow(null, panel));
  tracker.activeCellChanged.connect(() => app.commands.notifyCommandChanged(FIX));
}

/** @param {JupyterFrontEnd} app @param {NotebookPanel} panel @param {Cell} cell @param {TranslationBundle} trans */
function draw(app, panel, cell, trans) {
  if (cell.isDisposed) return;
  const there = cell.node.querySelector(".nwa-on-error");
  const failed = hasFailed(cell);
  if (failed === Boolean(there)) return; // as for nearly every change: a cell may print thousands of lines
  app.commands.notifyCommandChanged(FIX);
  if (!failed) {
    there?.remove();
    return;
  }
  const output = cell.node.querySelector(".jp-Cell-outputWrapper");
  if (!output) return;
  const bar = document.createElement("div");
  bar.className = "nwa-on-error";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", trans.__("Ask the agent about this error"));
  for (const [text, command] of [[trans.__("Fix with the agent"), FIX], [trans.__("Explain"), EXPLAIN]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", () => {
      panel.content.activeCellIndex = panel.content.widgets.indexOf(cell);
      void app.commands.execute(command);
    });
    bar.append(button);
  }
  output.after(bar);
}
