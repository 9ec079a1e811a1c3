// @ts-check
// The plugin: the side bar, and the command that opens it from the palette, the View menu, a notebook's toolbar and by a shortcut.

import { ILayoutRestorer } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { ILauncher } from "@jupyterlab/launcher";
import { INotebookTracker } from "@jupyterlab/notebook";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";

import { addCellCommands } from "./cells.js";
import { addChats } from "./chats.js";
import { followKernels } from "./ended.js";
import { followErrors } from "./errors.js";
import { agentIcon } from "./icon.js";
import { readPreferences } from "./preferences.js";
import { addPrompts } from "./prompts.js";
import { SideBar } from "./side_bar.js";

/** @import { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application" */

const OPEN = "neuroworkflow-agent:open";

/**
 * @param {JupyterFrontEnd} app @param {INotebookTracker} tracker @param {ICommandPalette | null} palette
 * @param {ILayoutRestorer | null} restorer @param {ITranslator | null} translator @param {ILauncher | null} launcher
 */
function activate(app, tracker, palette, restorer, translator, launcher) {
  const trans = (translator ?? nullTranslator).load("neuroworkflow_agent");
  const bar = new SideBar(tracker, trans, () => readPreferences(app.serviceManager.settings), (id) => app.shell.activateById(id), () => app.commands.hasCommand(OPEN) && app.commands.notifyCommandChanged(OPEN));
  app.shell.add(bar, "right", { rank: 300 });
  restorer?.add(bar, bar.id);
  app.commands.addCommand(OPEN, {
    label: trans.__("Agent"),
    // In Notebook 7 the side bar has no icon: the notebook's toolbar tells what is wanted.
    caption: () => bar.wanted || trans.__("Talk with the agent beside the notebook"),
    className: () => (bar.wanted ? "nwa-attention" : ""),
    icon: agentIcon,
    execute: () => app.shell.activateById(bar.id),
  });
  const category = trans.__("Agent");
  for (const command of [OPEN, ...addCellCommands(app, bar, tracker, trans), addPrompts(app, tracker, trans)]) palette?.addItem({ command, category });
  addChats(app, launcher, palette, trans);
  followErrors(app, tracker, trans);
  followKernels(tracker, trans);
}

/** @type {JupyterFrontEndPlugin<void>} */
const plugin = {
  id: "neuroworkflow-agent:side-bar",
  description: "The agent beside every notebook.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ILayoutRestorer, ITranslator, ILauncher],
  activate,
};

export default plugin;
