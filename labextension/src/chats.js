// @ts-check
// The way to the chats that the server serves in a page of their own: a tile of the launcher, and the palette.

import { PageConfig } from "@jupyterlab/coreutils";

import { agentIcon } from "./icon.js";

/** @import { JupyterFrontEnd } from "@jupyterlab/application" */
/** @import { ICommandPalette } from "@jupyterlab/apputils" */
/** @import { ILauncher } from "@jupyterlab/launcher" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

const COMMAND = "neuroworkflow-agent:chats";

/**
 * @param {JupyterFrontEnd} app @param {ILauncher | null} launcher @param {ICommandPalette | null} palette @param {TranslationBundle} trans
 */
export function addChats(app, launcher, palette, trans) {
  const address = PageConfig.getOption("neuroworkflowChats");
  if (!address) return; // this server has none
  app.commands.addCommand(COMMAND, {
    label: trans.__("Agent chats"),
    caption: trans.__("Talk with the agent without a notebook, in a page of its own"),
    icon: agentIcon,
    execute: () => window.open(address, "_blank", "noopener"),
  });
  launcher?.add({ command: COMMAND, category: trans.__("Other"), rank: 10 });
  palette?.addItem({ command: COMMAND, category: trans.__("Agent") });
}
