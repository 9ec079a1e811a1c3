// @ts-check
// The notebook that is open in this page, as the kernel sees and edits it, with nothing on the screen.
// The kernel names the page that it means; what it asks is checked and done in one go, so that nobody types in between.

/**
 * @typedef {{send(message: any): void, receive(listener: (message: any) => void): () => void, context(): any}} PageLink
 *   The way to the kernel, and the context of the document that the page shows; null where there is none.
 * @typedef {{type: string, source: string, count: number | null, outputs: string[], busy: boolean}} Line
 * @typedef {{seq: number, order: string[], cells: Map<string, Line>}} Seen
 * @typedef {{op: string, cell: string, after?: string, content?: any, kept?: boolean, at?: number, remove?: number,
 *   insert?: string, outputs?: any[], count?: number | null, checked?: boolean}} Change
 */

const HELLO_MS = 400;
const HELLOS = 30;
const MAX_ANSWER = 8_000_000; // A Jupyter server closes the connection at 10 MiB.
const MAX_TEXT = 200_000;
const MAX_OUTPUTS = 4_000_000;
const MAX_UNFINISHED = 4; // Messages in parts; a kernel that has died sends no last one.
const MAX_KEPT = 32_000_000; // Characters of deleted cells, the oldest of which cannot be put back any more.

export class NotebookPage {
  /** @param {PageLink} link */
  constructor(link) {
    this.link = link;
    this.id = globalThis.crypto?.randomUUID?.() ?? `page-${Math.random()}-${Date.now()}`;
    this.usedAt = document.hasFocus() ? Date.now() : 0;
    /** What each reader was told last. @type {Map<string, Seen>} */
    this.readers = new Map();
    /** Cells that were deleted for the agent, to be put back whole. @type {Map<string, any>} */
    this.kept = new Map();
    /** Cells whose code the agent runs. @type {Set<string>} */
    this.marked = new Set();
    /** @type {Map<string, string[]>} */
    this.parts = new Map();
    this.onUse = () => {
      this.usedAt = Date.now();
    };
    this.onStatus = (/** @type {any} */ _session, /** @type {string} */ status) => {
      if (["restarting", "autorestarting", "terminating", "dead"].includes(status)) this.unmarkAll();
    };
    this.status = link.context()?.sessionContext?.statusChanged;
    this.status?.connect(this.onStatus);
    this.end = link.receive((message) => this.receive(message));
    for (const kind of ["focus", "pointerdown", "keydown"]) window.addEventListener(kind, this.onUse, true);
    this.hello(HELLOS);
  }

  /** Say that this page is there until that is heard: the subshell that is to hear it may not have begun. @param {number} left */
  hello(left) {
    this.tellHere({});
    if (left > 1) this.again = setTimeout(() => this.hello(left - 1), HELLO_MS);
  }

  close() {
    clearTimeout(this.again);
    this.unmarkAll();
    this.status?.disconnect(this.onStatus);
    this.end();
    for (const kind of ["focus", "pointerdown", "keydown"]) window.removeEventListener(kind, this.onUse, true);
  }

  // -- messages ---------------------------------------------------------------------------------------

  /** @param {any} message */
  receive(message) {
    clearTimeout(this.again);
    if (message.type === "part") this.takePart(message);
    else if (message.type === "who") this.tellHere(message);
    else if (message.page === this.id) this.answer(message);
  }

  /** @param {any} message */
  takePart({ page, id, text, is_last: isLast }) {
    if (page !== this.id) return;
    const parts = this.parts.get(id) ?? [];
    parts.push(text);
    this.parts.set(id, parts);
    dropOldest(this.parts, this.parts.size - MAX_UNFINISHED);
    if (!isLast) return;
    this.parts.delete(id);
    this.receive(JSON.parse(parts.join("")));
  }

  /** Say that this page is there, and what it shows. @param {{request?: string, cell?: string}} asked */
  tellHere({ request = "", cell = "" }) {
    const context = this.link.context();
    this.link.send({
      type: "here",
      request,
      page: this.id,
      client: context?.sessionContext?.session?.kernel?.clientId ?? "",
      path: context?.path ?? "",
      used_at: this.usedAt,
      is_notebook: Boolean(context),
      has_cell: Boolean(context && cell && this.index(context, cell) >= 0),
    });
  }

  /** @param {any} message */
  answer(message) {
    let answer;
    try {
      const context = this.link.context();
      if (!context) throw new Error("the page shows no notebook any more");
      if (message.type === "read") answer = this.read(context, message.reader, message.since);
      else if (message.type === "outputs") answer = { cells: message.cells.map((/** @type {string} */ id) => this.outputs(context, id)) };
      else if (message.type === "apply") answer = this.apply(context, message);
      else if (message.type === "show") answer = this.showSoFar(context, message.cell, message.outputs);
      else if (message.type === "mark") answer = this.mark(context, message.cell, message.is_running);
      else return;
    } catch (error) {
      answer = { trouble: error instanceof Error ? error.message : String(error) };
    }
    if (JSON.stringify(answer).length > MAX_ANSWER) answer = { trouble: "it is larger than a page can send at once" };
    this.link.send({ type: "answer", request: message.request, page: this.id, ...answer });
  }

  // -- reading ----------------------------------------------------------------------------------------

  /** @param {any} context @param {string} id */
  index(context, id) {
    return context.model.sharedModel.cells.findIndex((/** @type {any} */ cell) => cell.getId() === id);
  }

  /** A cell in short. @param {any} cell @param {any} model What JupyterLab keeps of it beside what is shared. @returns {Line} */
  line(cell, model) {
    const shown = cell.cell_type === "code" ? model?.outputs : null;
    const outputs = [];
    for (let at = 0; at < (shown?.length ?? 0); at++) outputs.push(shown.get(at).type);
    return { type: cell.cell_type, source: cell.getSource(), count: cell.execution_count ?? null, outputs, busy: cell.executionState === "running" };
  }

  /**
   * What has changed since a reader was told last; everything if that is not known.
   * @param {any} context @param {string} reader @param {number | null} since
   */
  read(context, reader, since) {
    const known = this.readers.get(reader);
    const before = known && known.seq === since ? known : null;
    const cells = context.model.sharedModel.cells;
    const models = Array.from(context.model.cells);
    /** @type {Map<string, Line>} */
    const now = new Map();
    /** @type {any[]} */
    const changed = [];
    /** @type {string[]} */
    const order = [];
    cells.forEach((/** @type {any} */ cell, /** @type {number} */ index) => {
      const id = cell.getId();
      const line = this.line(cell, models[index]);
      order.push(id);
      now.set(id, line);
      const was = before?.cells.get(id);
      if (!was || !isSame(was, line)) changed.push({ id, ...line });
    });
    const isMoved = !before || !isSameList(before.order, order);
    const seq = (known?.seq ?? 0) + 1;
    this.readers.set(reader, { seq, order, cells: now });
    return { seq, is_all: !before, order: isMoved ? order : null, changed };
  }

  /** What a cell shows, with what is too long cut. @param {any} context @param {string} id */
  outputs(context, id) {
    const cell = context.model.sharedModel.cells[this.index(context, id)];
    if (!cell) return { id, outputs: [] };
    const { outputs = [], attachments = {} } = cell.toJSON();
    let room = MAX_OUTPUTS;
    const cut = (/** @type {any} */ value) => {
      const text = Array.isArray(value) ? value.join("") : value;
      if (typeof text !== "string") return text;
      const isPicture = text.length > MAX_TEXT && /^[A-Za-z0-9+/=\s]*$/.test(text.slice(0, 1000));
      const short = text.length <= MAX_TEXT || isPicture ? text : `${text.slice(0, MAX_TEXT / 2)}\n[…]\n${text.slice(-MAX_TEXT / 2)}`;
      room -= short.length;
      return room < 0 ? "[too large to be read from the page]" : short;
    };
    for (const output of outputs) {
      if ("text" in output) output.text = cut(output.text);
      for (const kind of Object.keys(output.data ?? {})) output.data[kind] = cut(output.data[kind]);
    }
    return { id, outputs, attachments: Object.keys(attachments) };
  }

  // -- editing ----------------------------------------------------------------------------------------

  /**
   * Make changes, all or none; `stale` with what has changed if they were meant for another state.
   * @param {any} context @param {{reader: string, base: number, changes: Change[]}} message
   */
  apply(context, { reader, base, changes }) {
    const seen = this.readers.get(reader);
    if (!seen || seen.seq !== base) return { is_stale: true, ...this.read(context, reader, null) };
    const order = context.model.sharedModel.cells.map((/** @type {any} */ cell) => cell.getId());
    const added = new Set();
    for (const change of changes) {
      const problem = this.problem(context, change, seen, order, added);
      if (problem === "stale") return { is_stale: true, ...this.read(context, reader, base) };
      if (problem) return { refused: problem, cell: change.cell };
      if (change.op === "insert") added.add(change.cell);
    }
    this.makeAll(context, changes);
    // The reader knows what it asked for; what else has changed by now it is told with its next question.
    const cells = new Map(seen.cells);
    const now = context.model.sharedModel.cells;
    const models = Array.from(context.model.cells);
    for (const { op, cell: id } of changes) {
      const index = this.index(context, id);
      const was = cells.get(id);
      if (index < 0) cells.delete(id);
      else if (!was) cells.set(id, this.line(now[index], models[index]));
      else if (op === "text") cells.set(id, { ...was, source: now[index].getSource() });
      else if (op === "outputs") cells.set(id, { ...this.line(now[index], models[index]), source: was.source, busy: was.busy });
    }
    const isMoved = changes.some(({ op }) => op !== "text" && op !== "outputs");
    const known = isMoved ? now.map((/** @type {any} */ cell) => cell.getId()) : seen.order;
    this.readers.set(reader, { seq: seen.seq + 1, order: known, cells });
    return { seq: seen.seq + 1 };
  }

  /**
   * What is against a change.
   * @param {any} context @param {Change} change @param {Seen} seen @param {string[]} order @param {Set<string>} added
   */
  problem(context, change, seen, order, added) {
    if (change.op !== "outputs" && context.model.readOnly) return "read_only";
    if (change.op === "insert" && change.kept && !this.kept.has(change.cell)) return "lost";
    if (["insert", "move", "delete"].includes(change.op) && !isSameList(seen.order, order)) return "stale";
    if (change.op === "insert" || added.has(change.cell)) return "";
    const cell = context.model.sharedModel.cells[this.index(context, change.cell)];
    if (!cell) return "stale";
    const isChecked = change.op === "text" || change.op === "delete" || change.checked;
    if (isChecked && cell.getSource() !== seen.cells.get(change.cell)?.source) return "stale";
    const lock = { text: "editable", delete: "deletable" }[change.op];
    if (lock && cell.getMetadata(lock) === false) return "locked";
    return change.op !== "outputs" && cell.executionState === "running" ? "running" : "";
  }

  /** Make changes; those already made are taken back if one cannot be. @param {any} context @param {Change[]} changes */
  makeAll(context, changes) {
    /** @type {(() => void)[]} */
    const undo = [];
    try {
      for (const change of changes) {
        undo.unshift(this.undoOf(context, change));
        this.make(context, change);
      }
    } catch (error) {
      for (const takeBack of undo) takeBack();
      throw error;
    }
  }

  /** What takes a change back, whether it is made whole, in part or not at all. @param {any} context @param {Change} change */
  undoOf(context, { op, cell: id }) {
    const notebook = context.model.sharedModel;
    const before = this.index(context, id);
    const was = notebook.cells[before]?.toJSON();
    const kept = this.kept.get(id);
    return () => {
      const now = this.index(context, id);
      const cell = notebook.cells[now];
      if (op === "text") cell.setSource(was.source);
      else if (op === "outputs") {
        cell.setOutputs(was.outputs);
        cell.execution_count = was.execution_count;
      } else if (op === "insert" && now >= 0) notebook.deleteCell(now);
      else if (op === "delete" && now < 0) notebook.insertCell(before, was);
      else if (op === "move" && now !== before) notebook.moveCell(now, before);
      if (kept) this.kept.set(id, kept);
      else this.kept.delete(id);
    };
  }

  /** Remember a cell that is deleted, as far as there is room. @param {string} id @param {any} content */
  keep(id, content) {
    this.kept.set(id, content);
    let room = MAX_KEPT;
    const sizes = [...this.kept.values()].map((each) => JSON.stringify(each).length).reverse();
    dropOldest(this.kept, sizes.filter((size, at) => (room -= size) < 0 && at > 0).length);
  }

  /** @param {any} context @param {Change} change */
  make(context, change) {
    const notebook = context.model.sharedModel;
    const index = this.index(context, change.cell);
    const cell = notebook.cells[index];
    if (change.op === "text") {
      // As a step of its own in the cell's history: Ctrl+Z takes it back, and it alone.
      cell.undoManager?.stopCapturing();
      const { at = 0, remove = 0, insert = "" } = change;
      cell.updateSource(at, at + remove, insert);
      cell.undoManager?.stopCapturing();
    } else if (change.op === "outputs") {
      this.show(context, cell, index, change);
    } else {
      notebook.undoManager?.stopCapturing();
      if (change.op === "insert") {
        const content = change.kept ? this.kept.get(change.cell) : change.content;
        notebook.insertCell(this.place(context, change), content);
        this.kept.delete(change.cell);
      } else if (change.op === "delete") {
        this.keep(change.cell, cell.toJSON());
        notebook.deleteCell(index);
      } else {
        this.move(context, change, index);
      }
      notebook.undoManager?.stopCapturing();
    }
  }

  /** Where a cell is to go. @param {any} context @param {Change} change */
  place(context, { after = "" }) {
    return after ? this.index(context, after) + 1 : 0;
  }

  /** @param {any} context @param {Change} change @param {number} from */
  move(context, change, from) {
    const to = this.place(context, change);
    if (to === from || to === from + 1) return;
    // The place is meant as it is before the cell has left its own.
    context.model.sharedModel.moveCell(from, to > from ? to - 1 : to);
  }

  /** What came of a run. @param {any} context @param {any} cell @param {number} index
   * @param {{outputs?: any[], count?: number | null}} change */
  show(context, cell, index, { outputs = [], count = null }) {
    // As after any run: what the code has shown is trusted, and what was there before is gone.
    cell.setOutputs([]);
    context.model.cells.get(index).trusted = true;
    cell.setOutputs(outputs);
    cell.execution_count = count;
  }

  /** What a cell that the agent runs has put out so far. @param {any} context @param {string} id @param {any[]} outputs */
  showSoFar(context, id, outputs) {
    const index = this.index(context, id);
    const cell = context.model.sharedModel.cells[index];
    if (cell && this.marked.has(id)) this.show(context, cell, index, { outputs });
    return {};
  }

  /** Show that the agent runs a cell's code. @param {any} context @param {string} id @param {boolean} isRunning */
  mark(context, id, isRunning) {
    const cell = context.model.sharedModel.cells[this.index(context, id)];
    if (isRunning) this.marked.add(id);
    else this.marked.delete(id);
    if (cell && "executionState" in cell) cell.executionState = isRunning ? "running" : "idle";
    return {};
  }

  unmarkAll() {
    const context = this.link.context();
    for (const id of [...this.marked]) if (context) this.mark(context, id, false);
    this.marked.clear();
  }
}

/** @param {Map<string, any>} map @param {number} count How many of the oldest entries; none if it is not positive. */
function dropOldest(map, count) {
  for (const key of [...map.keys()].slice(0, Math.max(0, count))) map.delete(key);
}

/** @param {string[]} one @param {string[]} other */
function isSameList(one, other) {
  return one.length === other.length && one.every((each, at) => each === other[at]);
}

/** @param {Line} one @param {Line} other */
function isSame(one, other) {
  return (
    one.source === other.source && one.type === other.type && one.count === other.count && one.busy === other.busy && isSameList(one.outputs, other.outputs)
  );
}
