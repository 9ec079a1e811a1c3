// @ts-check
// Cells that are for the agent in notebooks of a chat kernel: marked by their metadata, which JupyterLab sends along when they are run.

/** @import { JupyterFrontEnd } from "@jupyterlab/application" */
/** @import { Cell } from "@jupyterlab/cells" */
/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

const TOGGLE = "neuroworkflow-agent:toggle-prompt";
const KEY = "neuroworkflow_agent";
const CHAT_KERNEL = "neuroworkflow_agent.surfaces.chat_kernel";
const MARKDOWN = "text/x-ipythongfm";
const EXCHANGE = /^\s*%(subkernel|context)\s+\S/;

/**
 * Add the command that makes a cell a prompt, and show which cells are; returns its id.
 * @param {JupyterFrontEnd} app @param {INotebookTracker} tracker @param {TranslationBundle} trans
 */
export function addPrompts(app, tracker, trans) {
  const active = () => {
    const panel = tracker.currentWidget;
    const cell = panel?.content.activeCell;
    return panel && cell?.model?.type === "code" && isChatKernels(panel) ? cell : null;
  };
  app.commands.addCommand(TOGGLE, {
    label: trans.__("This cell is for the agent"),
    caption: trans.__("Its text is a message to the agent rather than code"),
    isToggleable: true,
    isVisible: () => tracker.currentWidget !== null && isChatKernels(tracker.currentWidget),
    isEnabled: () => active() !== null,
    isToggled: () => isMarked(active()),
    execute: () => {
      const cell = active();
      if (cell) mark(cell, !isMarked(cell));
    },
  });
  const look = (/** @type {NotebookPanel} */ panel) => {
    if (panel.isDisposed || !isChatKernels(panel)) return;
    for (const cell of panel.content.widgets) show(panel, cell, trans);
    app.commands.notifyCommandChanged(TOGGLE);
  };
  /** Cells whose metadata are followed. @type {WeakSet<Cell>} */
  const known = new WeakSet();
  const follow = (/** @type {any} */ _tracker, /** @type {NotebookPanel} */ panel) => {
    void Promise.all([panel.context.ready, panel.sessionContext.specsManager.ready]).then(() => {
      if (panel.isDisposed) return;
      const again = () => requestAnimationFrame(() => {
        for (const cell of panel.isDisposed ? [] : panel.content.widgets) {
          if (known.has(cell)) continue;
          known.add(cell);
          cell.model.metadataChanged.connect(() => look(panel));
          cell.model.mimeTypeChanged.connect(() => show(panel, cell, trans)); // the kernel has said which language it speaks
        }
        look(panel);
      });
      followLanguage(panel);
      panel.content.model?.cells.changed.connect(again);
      panel.sessionContext.kernelChanged.connect(again);
      again();
    });
  };
  tracker.widgetAdded.connect(follow);
  tracker.forEach((panel) => follow(null, panel));
  tracker.activeCellChanged.connect(() => app.commands.notifyCommandChanged(TOGGLE));
  return TOGGLE;
}

/**
 * Have code coloured as the language in which it runs: JupyterLab asks a kernel for it once, but a line may exchange it, and a restart bring the first one back.
 * @param {NotebookPanel} panel
 */
function followLanguage(panel) {
  let exchange = ""; // id of the request that may exchange it
  let hasRestarted = false;
  panel.sessionContext.iopubMessage.connect((_context, message) => {
    const { code, execution_state } = /** @type {any} */ (message.content);
    const request = /** @type {any} */ (message.parent_header).msg_id;
    if (message.header.msg_type === "execute_input" && EXCHANGE.test(code)) exchange = request;
    if (execution_state !== "idle" || exchange !== request) return;
    exchange = "";
    void takeLanguage(panel);
  });
  panel.sessionContext.statusChanged.connect((_context, status) => {
    if (status === "restarting" || status === "autorestarting") hasRestarted = true;
    if (status !== "idle" || !hasRestarted) return;
    hasRestarted = false;
    void takeLanguage(panel);
  });
}

/** @param {NotebookPanel} panel */
async function takeLanguage(panel) {
  const kernel = panel.sessionContext.session?.kernel;
  if (!kernel || !isChatKernels(panel)) return;
  const content = (await kernel.requestKernelInfo())?.content;
  if (content?.status === "ok" && !panel.isDisposed) panel.content.model?.setMetadata("language_info", content.language_info);
}

/** Whether a notebook's kernel hosts the agent. @param {NotebookPanel} panel */
function isChatKernels(panel) {
  const { sessionContext } = panel;
  const name = sessionContext.session?.kernel?.name ?? "";
  return Boolean(sessionContext.specsManager.specs?.kernelspecs[name]?.argv?.includes(CHAT_KERNEL));
}

/** @param {Cell | null} cell */
function isMarked(cell) {
  return cell?.model?.type === "code" && /** @type {any} */ (cell.model.getMetadata(KEY))?.prompt === true;
}

/** @param {Cell} cell @param {boolean} isPrompt */
function mark(cell, isPrompt) {
  const { prompt: _before, ...about } = /** @type {any} */ (cell.model.getMetadata(KEY) ?? {});
  if (isPrompt) cell.model.setMetadata(KEY, { ...about, prompt: true });
  else if (Object.keys(about).length) cell.model.setMetadata(KEY, about);
  else cell.model.deleteMetadata(KEY);
}

/** Say at a cell whether it is for the agent; its text is then written like a text. @param {NotebookPanel} panel @param {Cell} cell @param {TranslationBundle} trans */
function show(panel, cell, trans) {
  if (cell.isDisposed || panel.isDisposed) return;
  const there = cell.node.querySelector(".nwa-is-prompt");
  const isPrompt = isMarked(cell);
  if (!isPrompt && there) {
    there.remove();
    cell.model.mimeType = panel.content.codeMimetype;
  } else if (isPrompt && !there) {
    const sign = document.createElement("div");
    sign.className = "nwa-is-prompt";
    sign.textContent = trans.__("For the agent");
    cell.node.querySelector(".jp-Cell-inputWrapper")?.before(sign);
  }
  if (isPrompt && cell.model.mimeType !== MARKDOWN) cell.model.mimeType = MARKDOWN; // which has this called again
}
