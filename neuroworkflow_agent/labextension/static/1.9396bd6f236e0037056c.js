"use strict";
(Array.isArray(self["webpackChunkneuroworkflow_agent"]) ? self["webpackChunkneuroworkflow_agent"] : (self["webpackChunkneuroworkflow_agent"] = [])).push([[1],[
/* 0 */,
/* 1 */,
/* 2 */
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {

// ESM COMPAT FLAG
__webpack_require__.r(__webpack_exports__);

// EXPORTS
__webpack_require__.d(__webpack_exports__, {
  "default": () => (/* binding */ src)
});

// EXTERNAL MODULE: consume shared module (default) @jupyterlab/application@^4.2.0 (singleton)
var application_4_2_singleton_ = __webpack_require__(3);
// EXTERNAL MODULE: consume shared module (default) @jupyterlab/apputils@^4.2.0 (singleton)
var apputils_4_2_singleton_ = __webpack_require__(4);
// EXTERNAL MODULE: consume shared module (default) @jupyterlab/launcher@^4.2.0 (singleton)
var launcher_4_2_singleton_ = __webpack_require__(5);
// EXTERNAL MODULE: consume shared module (default) @jupyterlab/notebook@^4.2.0 (singleton)
var notebook_4_2_singleton_ = __webpack_require__(6);
// EXTERNAL MODULE: consume shared module (default) @jupyterlab/translation@^4.2.0 (singleton)
var translation_4_2_singleton_ = __webpack_require__(7);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/injectStylesIntoStyleTag.js
var injectStylesIntoStyleTag = __webpack_require__(8);
var injectStylesIntoStyleTag_default = /*#__PURE__*/__webpack_require__.n(injectStylesIntoStyleTag);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/styleDomAPI.js
var styleDomAPI = __webpack_require__(9);
var styleDomAPI_default = /*#__PURE__*/__webpack_require__.n(styleDomAPI);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/insertBySelector.js
var insertBySelector = __webpack_require__(10);
var insertBySelector_default = /*#__PURE__*/__webpack_require__.n(insertBySelector);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/setAttributesWithoutAttributes.js
var setAttributesWithoutAttributes = __webpack_require__(11);
var setAttributesWithoutAttributes_default = /*#__PURE__*/__webpack_require__.n(setAttributesWithoutAttributes);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/insertStyleElement.js
var insertStyleElement = __webpack_require__(12);
var insertStyleElement_default = /*#__PURE__*/__webpack_require__.n(insertStyleElement);
// EXTERNAL MODULE: ../../node_modules/style-loader/dist/runtime/styleTagTransform.js
var styleTagTransform = __webpack_require__(13);
var styleTagTransform_default = /*#__PURE__*/__webpack_require__.n(styleTagTransform);
// EXTERNAL MODULE: ../../node_modules/css-loader/dist/cjs.js!./style/cells.css
var cells = __webpack_require__(14);
;// ./style/cells.css

      
      
      
      
      
      
      
      
      

var options = {};

options.styleTagTransform = (styleTagTransform_default());
options.setAttributes = (setAttributesWithoutAttributes_default());

      options.insert = insertBySelector_default().bind(null, "head");
    
options.domAPI = (styleDomAPI_default());
options.insertStyleElement = (insertStyleElement_default());

var update = injectStylesIntoStyleTag_default()(cells/* default */.A, options);




       /* harmony default export */ const style_cells = (cells/* default */.A && cells/* default */.A.locals ? cells/* default */.A.locals : undefined);

// EXTERNAL MODULE: consume shared module (default) @jupyterlab/ui-components@^4.2.0 (singleton)
var ui_components_4_2_singleton_ = __webpack_require__(17);
;// ./src/icon.js
// @ts-check
// The agent's icon, in the colours of the theme.



const agentIcon = new ui_components_4_2_singleton_.LabIcon({
  name: "neuroworkflow-agent:agent",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161"><path d="M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm0 2v10h5v2l2.500-2H20V6z"/><circle cx="8" cy="9" r="1.500"/><circle cx="16" cy="9" r="1.500"/><circle cx="12" cy="13" r="1.500"/><path d="M8 8.500 12 12.300 16 8.500l.700.700L12 14 7.300 9.200z"/></g></svg>`,
});

/** @param {string} name @param {string} path */
function drawn(name, path) {
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><path class="jp-icon3" fill="#616161" d="${path}"/></svg>`;
  return new ui_components_4_2_singleton_.LabIcon({ name: `neuroworkflow-agent:${name}`, svgstr });
}

const explainIcon = drawn("explain", "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16zm-1 12h2v2h-2zm1-10a4 4 0 0 0-4 4h2a2 2 0 1 1 3.200 1.600C12.200 12.300 11 13.200 11 15h2c0-1 .700-1.500 1.500-2.100A4 4 0 0 0 12 6z");
const fixIcon = drawn("fix", "M21 7.200a5.500 5.500 0 0 1-7.400 5.800L6.500 20.100a1.900 1.900 0 0 1-2.700-2.700L11 10.300A5.500 5.500 0 0 1 16.800 3L14 5.800l.700 3.500 3.500.700z");
const useIcon = drawn("use", "M4 4h9v2H6v12h12v-7h2v9H4zm11 0h5v5h-2V7.400l-7.300 7.300-1.400-1.400L16.600 6H15z");

;// ./src/cells.js
// @ts-check
// What can be asked of the agent at a cell: in the cell's toolbar, on an error output, from the palette and by keys.




/** @import { JupyterFrontEnd } from "@jupyterlab/application" */
/** @import { Cell } from "@jupyterlab/cells" */
/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Beside } from "./beside.js" */
/** @import { SideBar } from "./side_bar.js" */

const FIX = "neuroworkflow-agent:fix-cell";
const EXPLAIN = "neuroworkflow-agent:explain-cell";

/**
 * Add the commands; returns their ids.
 * @param {JupyterFrontEnd} app @param {SideBar} bar @param {INotebookTracker} tracker @param {TranslationBundle} trans
 */
function addCellCommands(app, bar, tracker, trans) {
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
    const { askInCell } = await __webpack_require__.e(/* import() */ 2).then(() => (__webpack_require__(22)));
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
function hasFailed(cell) {
  const outputs = /** @type {any} */ (cell?.model)?.outputs;
  for (let index = 0; index < (outputs?.length ?? 0); index += 1) if (outputs.get(index).type === "error") return true;
  return false;
}

/** @param {Cell} cell */
function isTextSelected(cell) {
  const { start, end } = cell.editor?.getSelection() ?? {};
  return Boolean(start && end && (start.line !== end.line || start.column !== end.column));
}

// EXTERNAL MODULE: consume shared module (default) @jupyterlab/coreutils@^6.2.0 (singleton)
var coreutils_6_2_singleton_ = __webpack_require__(18);
;// ./src/chats.js
// @ts-check
// The way to the chats that the server serves in a page of their own: a tile of the launcher, and the palette.





/** @import { JupyterFrontEnd } from "@jupyterlab/application" */
/** @import { ICommandPalette } from "@jupyterlab/apputils" */
/** @import { ILauncher } from "@jupyterlab/launcher" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

const COMMAND = "neuroworkflow-agent:chats";

/**
 * @param {JupyterFrontEnd} app @param {ILauncher | null} launcher @param {ICommandPalette | null} palette @param {TranslationBundle} trans
 */
function addChats(app, launcher, palette, trans) {
  const address = coreutils_6_2_singleton_.PageConfig.getOption("neuroworkflowChats");
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

;// ./src/ended.js
// @ts-check
// What a cell says of a turn under way ends with the kernel: no code is left there that could take it back.

/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

const OURS = "neuroworkflow_agent";
const ENDS = ["restarting", "autorestarting", "terminating", "dead"];

/** Follow the kernels of all notebooks. @param {INotebookTracker} tracker @param {TranslationBundle} trans */
function followKernels(tracker, trans) {
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

;// ./src/errors.js
// @ts-check
// Buttons below an error output: they ask the agent about the cell.



/** @import { JupyterFrontEnd } from "@jupyterlab/application" */
/** @import { Cell } from "@jupyterlab/cells" */
/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */

/** Follow all notebooks. @param {JupyterFrontEnd} app @param {INotebookTracker} tracker @param {TranslationBundle} trans */
function followErrors(app, tracker, trans) {
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

// EXTERNAL MODULE: ./src/preferences.js
var preferences = __webpack_require__(19);
;// ./src/prompts.js
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
function addPrompts(app, tracker, trans) {
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

// EXTERNAL MODULE: consume shared module (default) @lumino/widgets@^2.3.0 (singleton)
var widgets_2_3_singleton_ = __webpack_require__(20);
// EXTERNAL MODULE: ../../node_modules/css-loader/dist/cjs.js!./style/attention.css
var attention = __webpack_require__(21);
;// ./style/attention.css

      
      
      
      
      
      
      
      
      

var attention_options = {};

attention_options.styleTagTransform = (styleTagTransform_default());
attention_options.setAttributes = (setAttributesWithoutAttributes_default());

      attention_options.insert = insertBySelector_default().bind(null, "head");
    
attention_options.domAPI = (styleDomAPI_default());
attention_options.insertStyleElement = (insertStyleElement_default());

var attention_update = injectStylesIntoStyleTag_default()(attention/* default */.A, attention_options);




       /* harmony default export */ const style_attention = (attention/* default */.A && attention/* default */.A.locals ? attention/* default */.A.locals : undefined);

;// ./src/attention.js
// @ts-check
// What happens in notebooks that nobody looks at: a call that waits for an answer, a long turn that has ended. It shows on the side
// bar's icon and above the chat, where it can be answered; and outside the page, if the user has said so.



/** @import { NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Item, Store } from "../../neuroworkflow_agent/surfaces/panel/js/store.js" */

/** @typedef {{panel: NotebookPanel, store: Store, item: Item, isOfCode?: boolean, outside?: Notification}} Notice `item` waits for an answer, or is a turn's end, or of one whose code ran on until now; `outside` is what the browser shows of it. */

const LONG_MS = 20_000;

class Attention {
  /**
   * @param {TranslationBundle} trans @param {(panel: NotebookPanel) => boolean} isSeen
   * @param {(panel: NotebookPanel) => void} show @param {(count: number) => void} tell Called with how many notebooks want something.
   */
  constructor(trans, isSeen, show, tell) {
    this.trans = trans;
    this.isSeen = isSeen;
    this.show = show;
    this.tell = tell;
    /** @type {Notice[]} */
    this.notices = [];
    /** Chats at work for so long that their user may want to look elsewhere. @type {Set<Store>} */
    this.long = new Set();
    this.isRefused = false;
    this.node = document.createElement("ul");
    this.node.className = "nwa-waiting";
    this.node.setAttribute("aria-label", trans.__("Notebooks that want you"));
    document.addEventListener("visibilitychange", () => this.look());
    this.draw();
  }

  /** Follow a notebook's chat, until the notebook is closed. @param {NotebookPanel} panel @param {Store} store */
  follow(panel, store) {
    let since = 0;
    /** @type {Item | undefined} */
    let before;
    /** @type {ReturnType<typeof setTimeout>} */
    let timer;
    const lastEnd = () => [...store.items.values()].filter(isEnd).at(-1);
    const leave = () => {
      clearTimeout(timer);
      if (this.long.delete(store)) this.draw();
    };
    /** Whether code of a turn that has ended still ran when the chat was last looked at. */
    let ran = false;
    const listener = {
      reset: () => {
        this.drop((notice) => notice.store === store && !isEnd(notice.item) && store.items.get(notice.item.id)?.state !== "asking");
        for (const item of store.items.values()) this.consider(panel, store, item);
      },
      changed: (/** @type {Item} */ item) => this.consider(panel, store, item),
      state: () => {
        const end = lastEnd();
        if (ran && !store.state.runs_on && end) this.add({ panel, store, item: end, isOfCode: true });
        ran = Boolean(store.state.runs_on);
        if (store.state.busy && since) return;
        if (store.state.busy) {
          [since, before] = [performance.now(), lastEnd()];
          timer = setTimeout(() => {
            this.long.add(store);
            this.draw();
          }, LONG_MS);
          return;
        }
        leave();
        if (end && end.id !== before?.id && since && performance.now() - since >= LONG_MS) this.add({ panel, store, item: end });
        since = 0;
      },
      problem: () => {},
    };
    store.listeners.add(listener);
    panel.disposed.connect(() => {
      leave();
      this.drop((notice) => notice.panel === panel);
    });
  }

  /** @param {NotebookPanel} panel @param {Store} store @param {Item} item */
  consider(panel, store, item) {
    const isKnown = this.notices.some((notice) => notice.store === store && notice.item.id === item.id);
    if (isEnd(item)) return;
    if (item.state === "asking" && !isKnown) this.add({ panel, store, item });
    else if (item.state !== "asking" && isKnown) this.drop((notice) => notice.store === store && notice.item.id === item.id);
  }

  /** @param {Notice} notice */
  add(notice) {
    if (this.isSeen(notice.panel)) return;
    this.drop(({ store, item }) => store === notice.store && item.id === notice.item.id); // one for each thing
    this.notices.push(notice);
    notice.outside = this.showOutside(notice);
    this.draw();
  }

  /** Have the browser show it, if the user has said so. @param {Notice} notice @returns {Notification | undefined} */
  showOutside(notice) {
    if (typeof Notification === "undefined" || Notification.permission !== "granted") return undefined;
    const { panel, item } = notice;
    try {
      // By its tag a browser that shows the notebook twice tells it once.
      const outside = new Notification(this.trans.__("Agent"), { body: this.text(notice), tag: `neuroworkflow-agent:${panel.context.path}:${item.id}` });
      outside.onclick = () => {
        window.focus();
        outside.close();
        this.show(panel);
      };
      return outside;
    } catch {
      return undefined; // Chrome on Android has notifications for service workers alone.
    }
  }

  /** @param {(notice: Notice) => boolean} isOver */
  drop(isOver) {
    const left = this.notices.filter((notice) => !isOver(notice));
    if (left.length === this.notices.length) return;
    for (const notice of this.notices) if (isOver(notice)) notice.outside?.close();
    this.notices = left;
    this.draw();
  }

  /** What is seen now needs no notice any more. */
  look() {
    this.drop(({ panel }) => this.isSeen(panel));
  }

  /** @param {Notice} notice */
  text({ panel, item, isOfCode }) {
    const name = panel.title.label;
    if (isOfCode) return this.trans.__("%1: the code that ran on has ended.", name);
    if (isEnd(item)) return item.end === "complete" ? this.trans.__("%1: the agent is done.", name) : this.trans.__("%1: the turn has ended: %2", name, item.end);
    return item.kind === "question" ? this.trans.__("%1: the agent asks a question.", name) : this.trans.__("%1: the agent asks for permission: %2", name, String(item.title ?? ""));
  }

  draw() {
    this.tell(new Set(this.notices.map(({ panel }) => panel)).size);
    this.node.replaceChildren(...this.notices.map((notice) => this.row(notice)));
    if ((this.notices.length || this.long.size) && !this.isRefused && typeof Notification !== "undefined" && Notification.permission === "default") this.node.append(this.offer());
    this.node.hidden = this.node.childElementCount === 0;
  }

  /** A way to hear of it outside the page, while there is something to hear of. */
  offer() {
    const { trans } = this;
    const row = document.createElement("li");
    row.append(
      this.button(trans.__("Also tell me outside this page"), () => void this.askOutside(row)),
      this.button(trans.__("No"), () => {
        this.isRefused = true;
        this.draw();
      }),
    );
    return row;
  }

  /** Have the browser ask the user; a browser that may not ask says no by itself. @param {HTMLElement} row */
  async askOutside(row) {
    const answer = await Notification.requestPermission();
    if (answer === "denied") row.replaceChildren(this.trans.__("This browser does not let the page show notifications; its settings for this site can change that."));
    else this.draw();
  }

  /** @param {Notice} notice */
  row(notice) {
    const { trans } = this;
    const { panel, store, item } = notice;
    const row = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = this.text(notice);
    text.dir = "auto";
    row.append(text, this.button(trans.__("Show"), () => this.show(panel)));
    if (isEnd(item)) row.append(this.button(trans.__("Dismiss"), () => this.drop((other) => other === notice)));
    else if (item.kind !== "question") {
      const say = (/** @type {boolean} */ allowed) => store.send({ type: "answer", request_id: item.request, allowed });
      row.append(this.button(trans.__("Allow once"), () => say(true)), this.button(trans.__("Deny"), () => say(false)));
    }
    return row;
  }

  /** @param {string} text @param {() => void} act */
  button(text, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  }
}

/** @param {Item} item */
function isEnd(item) {
  return item.kind === "end";
}

;// ./src/side_bar.js
// @ts-check
// The side bar: it follows the current notebook. What it shows is loaded when it is first opened.






/** @import { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook" */
/** @import { TranslationBundle } from "@jupyterlab/translation" */
/** @import { Beside } from "./beside.js" */
/** @import { Preferences } from "./preferences.js" */

class SideBar extends widgets_2_3_singleton_.Widget {
  /**
   * @param {INotebookTracker} tracker @param {TranslationBundle} trans @param {() => Promise<Preferences>} preferences Reads what the user has set.
   * @param {(id: string) => void} showWidget Shows a widget of the page. @param {() => void} tell Called when how many notebooks want something has changed.
   */
  constructor(tracker, trans, preferences, showWidget, tell) {
    super();
    this.tell = tell;
    this.count = 0;
    this.preferences = preferences;
    this.showWidget = showWidget;
    this.tracker = tracker;
    this.trans = trans;
    /** @type {Map<NotebookPanel, Beside>} */
    this.known = new Map();
    this.id = "neuroworkflow-agent";
    this.title.icon = agentIcon;
    this.title.caption = trans.__("Agent");
    this.none = document.createElement("p");
    this.none.textContent = trans.__("Open a notebook to talk with the agent beside it.");
    this.none.style.padding = "16px";
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", trans.__("Agent"));
    this.attention = new Attention(trans, (panel) => this.isSeen(panel), (panel) => this.goTo(panel), (count) => this.mark(count));
    this.node.append(this.attention.node, this.none);
    tracker.currentChanged.connect(() => void this.follow());
  }

  /** The notebook that it is beside now. */
  get current() {
    const panel = this.tracker.currentWidget;
    return panel && !panel.isDisposed ? panel : null;
  }

  /** Whether somebody may be looking at the chat of a notebook. @param {NotebookPanel} panel */
  isSeen(panel) {
    return this.isVisible && this.current === panel && !document.hidden;
  }

  /** Say on the icon how many notebooks want something. @param {number} count */
  mark(count) {
    this.count = count;
    this.title.className = count ? "nwa-attention" : "";
    this.title.caption = this.wanted || this.trans.__("Agent");
    this.tell();
  }

  /** How many notebooks want something, in words; empty if none does. */
  get wanted() {
    return this.count ? this.trans._n("Agent: %1 notebook wants you", "Agent: %1 notebooks want you", this.count) : "";
  }

  /** Go to a notebook and its chat. @param {NotebookPanel} panel */
  goTo(panel) {
    this.showWidget(panel.id);
    this.showWidget(this.id);
  }

  onAfterShow() {
    void this.follow();
  }

  onActivateRequest() {
    void this.follow().then((beside) => beside?.focus());
  }

  /** What is beside a notebook, loaded if nobody has seen it yet. @param {NotebookPanel} panel @returns {Promise<Beside>} */
  async besideOf(panel) {
    const { Beside } = await __webpack_require__.e(/* import() */ 3).then(() => (__webpack_require__(24)));
    const known = this.known.get(panel);
    if (known) return known;
    const beside = new Beside(panel, this.trans, this.preferences);
    beside.node.hidden = panel !== this.current;
    this.add(panel, beside);
    return beside;
  }

  /** Show what belongs to the current notebook, unless nobody sees it. */
  async follow() {
    if (!this.isVisible) return null;
    const { Beside } = await __webpack_require__.e(/* import() */ 3).then(() => (__webpack_require__(24)));
    const panel = this.current; // it may have become another one meanwhile
    this.none.hidden = panel !== null;
    if (panel && !this.known.has(panel)) this.add(panel, new Beside(panel, this.trans, this.preferences));
    for (const [other, beside] of this.known) beside.node.hidden = other !== panel;
    this.attention.look();
    return panel ? this.known.get(panel) ?? null : null;
  }

  /** @param {NotebookPanel} panel @param {Beside} beside */
  add(panel, beside) {
    this.known.set(panel, beside);
    beside.onStore = (store) => this.attention.follow(panel, store);
    this.node.append(beside.node);
    panel.disposed.connect(() => {
      this.known.delete(panel);
      beside.close();
      void this.follow();
    });
  }
}

;// ./src/index.js
// @ts-check
// The plugin: the side bar, and the command that opens it from the palette, the View menu, a notebook's toolbar and by a shortcut.
















/** @import { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application" */

const OPEN = "neuroworkflow-agent:open";

/**
 * @param {JupyterFrontEnd} app @param {INotebookTracker} tracker @param {ICommandPalette | null} palette
 * @param {ILayoutRestorer | null} restorer @param {ITranslator | null} translator @param {ILauncher | null} launcher
 */
function activate(app, tracker, palette, restorer, translator, launcher) {
  const trans = (translator ?? translation_4_2_singleton_.nullTranslator).load("neuroworkflow_agent");
  const bar = new SideBar(tracker, trans, () => (0,preferences/* readPreferences */.r)(app.serviceManager.settings), (id) => app.shell.activateById(id), () => app.commands.hasCommand(OPEN) && app.commands.notifyCommandChanged(OPEN));
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
const src_plugin = {
  id: "neuroworkflow-agent:side-bar",
  description: "The agent beside every notebook.",
  autoStart: true,
  requires: [notebook_4_2_singleton_.INotebookTracker],
  optional: [apputils_4_2_singleton_.ICommandPalette, application_4_2_singleton_.ILayoutRestorer, translation_4_2_singleton_.ITranslator, launcher_4_2_singleton_.ILauncher],
  activate,
};

/* harmony default export */ const src = (src_plugin);


/***/ }),
/* 3 */,
/* 4 */,
/* 5 */,
/* 6 */,
/* 7 */,
/* 8 */
/***/ ((module) => {



var stylesInDOM = [];
function getIndexByIdentifier(identifier) {
  var result = -1;
  for (var i = 0; i < stylesInDOM.length; i++) {
    if (stylesInDOM[i].identifier === identifier) {
      result = i;
      break;
    }
  }
  return result;
}
function modulesToDom(list, options) {
  var idCountMap = {};
  var identifiers = [];
  for (var i = 0; i < list.length; i++) {
    var item = list[i];
    var id = options.base ? item[0] + options.base : item[0];
    var count = idCountMap[id] || 0;
    var identifier = "".concat(id, " ").concat(count);
    idCountMap[id] = count + 1;
    var indexByIdentifier = getIndexByIdentifier(identifier);
    var obj = {
      css: item[1],
      media: item[2],
      sourceMap: item[3],
      supports: item[4],
      layer: item[5]
    };
    if (indexByIdentifier !== -1) {
      stylesInDOM[indexByIdentifier].references++;
      stylesInDOM[indexByIdentifier].updater(obj);
    } else {
      var updater = addElementStyle(obj, options);
      options.byIndex = i;
      stylesInDOM.splice(i, 0, {
        identifier: identifier,
        updater: updater,
        references: 1
      });
    }
    identifiers.push(identifier);
  }
  return identifiers;
}
function addElementStyle(obj, options) {
  var api = options.domAPI(options);
  api.update(obj);
  var updater = function updater(newObj) {
    if (newObj) {
      if (newObj.css === obj.css && newObj.media === obj.media && newObj.sourceMap === obj.sourceMap && newObj.supports === obj.supports && newObj.layer === obj.layer) {
        return;
      }
      api.update(obj = newObj);
    } else {
      api.remove();
    }
  };
  return updater;
}
module.exports = function (list, options) {
  options = options || {};
  list = list || [];
  var lastIdentifiers = modulesToDom(list, options);
  return function update(newList) {
    newList = newList || [];
    for (var i = 0; i < lastIdentifiers.length; i++) {
      var identifier = lastIdentifiers[i];
      var index = getIndexByIdentifier(identifier);
      stylesInDOM[index].references--;
    }
    var newLastIdentifiers = modulesToDom(newList, options);
    for (var _i = 0; _i < lastIdentifiers.length; _i++) {
      var _identifier = lastIdentifiers[_i];
      var _index = getIndexByIdentifier(_identifier);
      if (stylesInDOM[_index].references === 0) {
        stylesInDOM[_index].updater();
        stylesInDOM.splice(_index, 1);
      }
    }
    lastIdentifiers = newLastIdentifiers;
  };
};

/***/ }),
/* 9 */
/***/ ((module) => {



/* istanbul ignore next  */
function apply(styleElement, options, obj) {
  var css = "";
  if (obj.supports) {
    css += "@supports (".concat(obj.supports, ") {");
  }
  if (obj.media) {
    css += "@media ".concat(obj.media, " {");
  }
  var needLayer = typeof obj.layer !== "undefined";
  if (needLayer) {
    css += "@layer".concat(obj.layer.length > 0 ? " ".concat(obj.layer) : "", " {");
  }
  css += obj.css;
  if (needLayer) {
    css += "}";
  }
  if (obj.media) {
    css += "}";
  }
  if (obj.supports) {
    css += "}";
  }
  var sourceMap = obj.sourceMap;
  if (sourceMap && typeof btoa !== "undefined") {
    css += "\n/*# sourceMappingURL=data:application/json;base64,".concat(btoa(unescape(encodeURIComponent(JSON.stringify(sourceMap)))), " */");
  }

  // For old IE
  /* istanbul ignore if  */
  options.styleTagTransform(css, styleElement, options.options);
}
function removeStyleElement(styleElement) {
  // istanbul ignore if
  if (styleElement.parentNode === null) {
    return false;
  }
  styleElement.parentNode.removeChild(styleElement);
}

/* istanbul ignore next  */
function domAPI(options) {
  if (typeof document === "undefined") {
    return {
      update: function update() {},
      remove: function remove() {}
    };
  }
  var styleElement = options.insertStyleElement(options);
  return {
    update: function update(obj) {
      apply(styleElement, options, obj);
    },
    remove: function remove() {
      removeStyleElement(styleElement);
    }
  };
}
module.exports = domAPI;

/***/ }),
/* 10 */
/***/ ((module) => {



var memo = {};

/* istanbul ignore next  */
function getTarget(target) {
  if (typeof memo[target] === "undefined") {
    var styleTarget = document.querySelector(target);

    // Special case to return head of iframe instead of iframe itself
    if (window.HTMLIFrameElement && styleTarget instanceof window.HTMLIFrameElement) {
      try {
        // This will throw an exception if access to iframe is blocked
        // due to cross-origin restrictions
        styleTarget = styleTarget.contentDocument.head;
      } catch (e) {
        // istanbul ignore next
        styleTarget = null;
      }
    }
    memo[target] = styleTarget;
  }
  return memo[target];
}

/* istanbul ignore next  */
function insertBySelector(insert, style) {
  var target = getTarget(insert);
  if (!target) {
    throw new Error("Couldn't find a style target. This probably means that the value for the 'insert' parameter is invalid.");
  }
  target.appendChild(style);
}
module.exports = insertBySelector;

/***/ }),
/* 11 */
/***/ ((module, __unused_webpack_exports, __webpack_require__) => {



/* istanbul ignore next  */
function setAttributesWithoutAttributes(styleElement) {
  var nonce =  true ? __webpack_require__.nc : 0;
  if (nonce) {
    styleElement.setAttribute("nonce", nonce);
  }
}
module.exports = setAttributesWithoutAttributes;

/***/ }),
/* 12 */
/***/ ((module) => {



/* istanbul ignore next  */
function insertStyleElement(options) {
  var element = document.createElement("style");
  options.setAttributes(element, options.attributes);
  options.insert(element, options.options);
  return element;
}
module.exports = insertStyleElement;

/***/ }),
/* 13 */
/***/ ((module) => {



/* istanbul ignore next  */
function styleTagTransform(css, styleElement) {
  if (styleElement.styleSheet) {
    styleElement.styleSheet.cssText = css;
  } else {
    while (styleElement.firstChild) {
      styleElement.removeChild(styleElement.firstChild);
    }
    styleElement.appendChild(document.createTextNode(css));
  }
}
module.exports = styleTagTransform;

/***/ }),
/* 14 */
/***/ ((module, __webpack_exports__, __webpack_require__) => {

/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(15);
/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(16);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__);
// Imports


var ___CSS_LOADER_EXPORT___ = _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default()((_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default()));
// Module
___CSS_LOADER_EXPORT___.push([module.id, `/* In the notebook: a request in a cell, a change of it, and what stands below an error. */
.nwa-in-cell { margin: 0 0 4px calc(var(--jp-cell-prompt-width) + var(--jp-cell-collapser-width)); padding: 6px; border: 1px solid var(--jp-border-color1); border-radius: 4px; background: var(--jp-layout-color1); color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size1); }
form.nwa-in-cell { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; }
.nwa-in-cell input { flex: 1; min-width: 160px; padding: 5px 8px; border: 1px solid var(--jp-border-color1); border-radius: 4px; background: var(--jp-input-background); color: inherit; font: inherit; }
.nwa-in-cell input::placeholder { color: inherit; opacity: 1; }
.nwa-in-cell button, .nwa-on-error button { min-height: 26px; margin-inline-end: 6px; padding: 2px 10px; border: 1px solid var(--jp-border-color1); border-radius: 4px; background: var(--jp-layout-color1); color: var(--jp-ui-font-color1); font: inherit; cursor: pointer; }
.nwa-in-cell button:hover, .nwa-on-error button:hover { background: var(--jp-layout-color2); }
.nwa-in-cell .nwa-take { border-color: var(--jp-brand-color1); font-weight: 600; }
.nwa-in-cell :focus-visible, .nwa-on-error :focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 1px; }
.nwa-in-cell pre { max-height: 400px; margin: 0 0 6px; overflow: auto; font-family: var(--jp-code-font-family); font-size: var(--jp-code-font-size); line-height: var(--jp-code-line-height); white-space: pre; color: var(--jp-content-font-color1); }
.nwa-in-cell .nwa-sign { display: inline-block; width: 1.5em; user-select: none; }
.nwa-in-cell .nwa-out { background: color-mix(in srgb, var(--jp-error-color1) 15%, transparent); }
.nwa-in-cell .nwa-in { background: color-mix(in srgb, var(--jp-success-color1) 15%, transparent); }
.nwa-in-cell .nwa-unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.nwa-on-error { margin: 4px 0 4px calc(var(--jp-cell-prompt-width) + var(--jp-cell-collapser-width)); font-size: var(--jp-ui-font-size1); }
.nwa-is-prompt { margin: 0 0 2px calc(var(--jp-cell-prompt-width) + var(--jp-cell-collapser-width)); padding: 0 6px; border-inline-start: 3px solid var(--jp-brand-color1); color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size1); }
/* Where JupyterLab puts the numbers of cells above them, and not beside. */
@media (max-width: 760px) {
  .nwa-in-cell, .nwa-on-error, .nwa-is-prompt { margin-left: calc(var(--jp-cell-collapser-width) + var(--jp-code-padding)); }
}
`, ""]);
// Exports
/* harmony default export */ const __WEBPACK_DEFAULT_EXPORT__ = (___CSS_LOADER_EXPORT___);

/* harmony export */ __webpack_require__.d(__webpack_exports__, [
/* harmony export */   "A", 0, __WEBPACK_DEFAULT_EXPORT__
/* harmony export */ ]);


/***/ }),
/* 15 */
/***/ ((module) => {



module.exports = function (i) {
  return i[1];
};

/***/ }),
/* 16 */
/***/ ((module) => {



/*
  MIT License http://www.opensource.org/licenses/mit-license.php
  Author Tobias Koppers @sokra
*/
module.exports = function (cssWithMappingToString) {
  var list = [];

  // return the list of modules as css string
  list.toString = function toString() {
    return this.map(function (item) {
      var content = "";
      var needLayer = typeof item[5] !== "undefined";
      if (item[4]) {
        content += "@supports (".concat(item[4], ") {");
      }
      if (item[2]) {
        content += "@media ".concat(item[2], " {");
      }
      if (needLayer) {
        content += "@layer".concat(item[5].length > 0 ? " ".concat(item[5]) : "", " {");
      }
      content += cssWithMappingToString(item);
      if (needLayer) {
        content += "}";
      }
      if (item[2]) {
        content += "}";
      }
      if (item[4]) {
        content += "}";
      }
      return content;
    }).join("");
  };

  // import a list of modules into the list
  list.i = function i(modules, media, dedupe, supports, layer) {
    if (typeof modules === "string") {
      modules = [[null, modules, undefined]];
    }
    var alreadyImportedModules = {};
    if (dedupe) {
      for (var k = 0; k < this.length; k++) {
        var id = this[k][0];
        if (id != null) {
          alreadyImportedModules[id] = true;
        }
      }
    }
    for (var _k = 0; _k < modules.length; _k++) {
      var item = [].concat(modules[_k]);
      if (dedupe && alreadyImportedModules[item[0]]) {
        continue;
      }
      if (typeof layer !== "undefined") {
        if (typeof item[5] === "undefined") {
          item[5] = layer;
        } else {
          item[1] = "@layer".concat(item[5].length > 0 ? " ".concat(item[5]) : "", " {").concat(item[1], "}");
          item[5] = layer;
        }
      }
      if (media) {
        if (!item[2]) {
          item[2] = media;
        } else {
          item[1] = "@media ".concat(item[2], " {").concat(item[1], "}");
          item[2] = media;
        }
      }
      if (supports) {
        if (!item[4]) {
          item[4] = "".concat(supports);
        } else {
          item[1] = "@supports (".concat(item[4], ") {").concat(item[1], "}");
          item[4] = supports;
        }
      }
      list.push(item);
    }
  };
  return list;
};

/***/ }),
/* 17 */,
/* 18 */,
/* 19 */
/***/ ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {

/* harmony export */ __webpack_require__.d(__webpack_exports__, {
/* harmony export */   A: () => (/* binding */ UNSET),
/* harmony export */   r: () => (/* binding */ readPreferences)
/* harmony export */ });
// @ts-check
// What the user, or an administrator, has set for the side bar in JupyterLab's settings.

/** @import { Setting } from "@jupyterlab/services" */

/**
 * @typedef {{model: string, mode: string, cells: boolean, variables: boolean, insert: "below" | "end", locked: string[]}} Preferences
 */

const ID = "neuroworkflow-agent:side-bar";

/** @type {Preferences} */
const UNSET = { model: "", mode: "", cells: true, variables: true, insert: "below", locked: [] };

/**
 * As they are now. What an administrator has locked has the value that they gave it, in `overrides.json`, whatever the user set.
 * @param {Setting.IManager} settings @returns {Promise<Preferences>}
 */
async function readPreferences(settings) {
  const found = /** @type {any} */ (await settings.fetch(ID));
  const given = Object.entries(/** @type {Record<string, any>} */ (found.schema?.properties ?? {})).map(([name, { default: value }]) => [name, value]);
  const byDefault = { ...UNSET, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
  const { locked } = byDefault;
  const chosen = Object.entries(found.settings ?? {}).filter(([name]) => name in UNSET && name !== "locked" && !locked.includes(name));
  return { ...byDefault, ...Object.fromEntries(chosen) };
}


/***/ }),
/* 20 */,
/* 21 */
/***/ ((module, __webpack_exports__, __webpack_require__) => {

/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__ = __webpack_require__(15);
/* harmony import */ var _node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0__);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__ = __webpack_require__(16);
/* harmony import */ var _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default = /*#__PURE__*/__webpack_require__.n(_node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1__);
// Imports


var ___CSS_LOADER_EXPORT___ = _node_modules_css_loader_dist_runtime_api_js__WEBPACK_IMPORTED_MODULE_1___default()((_node_modules_css_loader_dist_runtime_noSourceMaps_js__WEBPACK_IMPORTED_MODULE_0___default()));
// Module
___CSS_LOADER_EXPORT___.push([module.id, `/* What wants the user: a mark on the side bar's icon and on the toolbar's button, and a list above the chat. */
.nwa-attention .lm-TabBar-tabIcon, .jp-ToolbarButtonComponent.nwa-attention { position: relative; }
.nwa-attention .lm-TabBar-tabIcon::after, .jp-ToolbarButtonComponent.nwa-attention::after { content: ""; position: absolute; top: -2px; right: -2px; width: 10px; height: 10px; border: 1px solid var(--jp-layout-color1); border-radius: 50%; background: var(--jp-warn-color1); }
.nwa-waiting { flex: none; max-height: 40%; margin: 0; padding: 6px 8px; overflow: auto; border-bottom: 1px solid var(--jp-border-color1); background: var(--jp-layout-color2); color: var(--jp-ui-font-color1); font-size: var(--jp-ui-font-size1); list-style: none; }
.nwa-waiting[hidden] { display: none; }
.nwa-waiting li { padding: 3px 0; overflow-wrap: anywhere; }
.nwa-waiting span { display: block; margin-bottom: 3px; }
.nwa-waiting button { min-height: 26px; margin-inline-end: 6px; padding: 2px 8px; border: 1px solid var(--jp-border-color1); border-radius: 4px; background: var(--jp-layout-color1); color: inherit; font: inherit; cursor: pointer; }
.nwa-waiting button:focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 1px; }
#neuroworkflow-agent { display: flex; flex-direction: column; }
#neuroworkflow-agent.lm-mod-hidden { display: none; }
#neuroworkflow-agent > .nwa-beside { flex: 1; min-height: 0; }
#neuroworkflow-agent > .nwa-beside[hidden] { display: none; }
`, ""]);
// Exports
/* harmony default export */ const __WEBPACK_DEFAULT_EXPORT__ = (___CSS_LOADER_EXPORT___);

/* harmony export */ __webpack_require__.d(__webpack_exports__, [
/* harmony export */   "A", 0, __WEBPACK_DEFAULT_EXPORT__
/* harmony export */ ]);


/***/ })
]]);