// @ts-check
// What can be asked of the agent at a cell: in the cell's toolbar, on an error output, from the palette and by keys.

import "../style/cells.css";
import { agentIcon, explainIcon, fixIcon, useIcon } from "./icon.js";

/** @import { JupyterFrontEnd } from "@jupyterlab/application" */
/** @import { Cell } from "@jupyterlab/cells" */
/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Beside } from "./beside.js" */
/** @import { SideBar } from "./side_bar.js" */

export const FIX = "neuroworkflow-agent:fix-cell";
export const EXPLAIN = "neuroworkflow-agent:explain-cell";

/**
 * Add the commands; returns their ids.
 * @param {JupyterFrontEnd} app @param {SideBar} bar @param {INotebookTracker} tracker @param {TranslationBundle} trans
 */
export function addCellCommands(app, bar, tracker, trans) {
  const { commands } = app;
  /** @type {string[]} */
  const ids = [];
  /** @param {string} id @param {any} options @param {(at: {panel: NotebookPanel, cell: Cell, name: string}) => void | Promise<void>} act */
  const add = (id, options, act) => {
    ids.push(id);
    commands.addCommand(id, {
      isEnabled: () => current(tracker) !== null,
      ...options,
      execute: () => {
        const at = current(tracker);
        return at ? act(at) : undefined;
      },
    });
  };
  const shown = async (/** @type {NotebookPanel} */ panel) => {
    app.shell.activateById(bar.id);
    return (await bar.besideOf(panel)).whenReady();
  };
  /** @param {NotebookPanel} panel @param {string} text */
  const say = async (panel, text) => (await shown(panel)).say(text);

  add("neuroworkflow-agent:ask-about-cell", { label: trans.__("Ask the agent about this cell"), icon: agentIcon }, async ({ panel, cell, name }) => {
    const text = isTextSelected(cell) ? "@selection" : name;
    (await shown(panel)).write(`${text} `);
  });
  add(EXPLAIN, { label: trans.__("Explain this cell"), icon: explainIcon }, ({ panel, name }) => say(panel, trans.__("Explain %1: what it does and what came out.", name)));
  add(
    FIX,
    { label: trans.__("Fix this cell"), icon: fixIcon, isVisible: () => hasFailed(current(tracker)?.cell ?? null) },
    ({ panel, name }) => say(panel, trans.__("Fix the error of %1.", name)),
  );
  add("neuroworkflow-agent:use-cell", { label: trans.__("Use this cell as context"), icon: useIcon }, async ({ panel, name }) => {
    (await shown(panel)).write(`${name} `);
  });
  add("neuroworkflow-agent:change-cell", { label: trans.__("Change this cell with the agent") }, async ({ panel, cell, name }) => {
    const { askInCell } = await import("./in_cell.js");
    askInCell(cell, trans, async (wish) => (await (await bar.besideOf(panel)).whenReady()).change(cell, name, wish));
  });
  const taking = { insert: trans.__("Insert code of the agent as a cell"), replace: trans.__("Replace this cell with code of the agent"), compare: trans.__("Compare this cell with code of the agent") };
  for (const [how, label] of Object.entries(taking)) {
    add(`neuroworkflow-agent:${how === "insert" ? "insert-code" : `${how}-cell`}`, { label }, async ({ panel }) => {
      const beside = await (await bar.besideOf(panel)).whenReady();
      if (!beside.take(/** @type {any} */ (how))) app.shell.activateById(bar.id);
    });
  }
  return ids;
}

/** The active cell of the current notebook, and how a message names it. @param {INotebookTracker} tracker */
function current(tracker) {
  const panel = tracker.currentWidget;
  const cell = panel?.content.activeCell;
  if (!panel || !cell?.model) return null;
  return { panel, cell, name: mention(panel, cell) };
}

/** By its number, as a person does, or else by its id. @param {NotebookPanel} panel @param {Cell} cell */
function mention(panel, cell) {
  const count = numberOf(cell);
  const isPlain = count && panel.content.widgets.filter((each) => numberOf(each) === count).length === 1;
  return `@cell ${isPlain ? count : cell.model.sharedModel.getId()}`;
}

/** @param {Cell} cell @returns {number | null} */
function numberOf(cell) {
  return /** @type {any} */ (cell.model.sharedModel).execution_count ?? null;
}

/** @param {Cell | null} cell */
export function hasFailed(cell) {
  const outputs = /** @type {any} */ (cell?.model)?.outputs;
  for (let index = 0; index < (outputs?.length ?? 0); index += 1) if (outputs.get(index).type === "error") return true;
  return false;
}

/** @param {Cell} cell */
function isTextSelected(cell) {
  const { start, end } = cell.editor?.getSelection() ?? {};
  return Boolean(start && end && (start.line !== end.line || start.column !== end.column));
}
