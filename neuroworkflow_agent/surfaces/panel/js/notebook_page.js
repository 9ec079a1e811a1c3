// @ts-check
// The notebook beside a panel, in the page that shows both. Where there is no way to it, nothing is offered that needs one.

/** @import { Translation } from "./translation.js" */

/**
 * Where the notebook is: its document's context, or null where there is no way to it; its widget with the id of the
 * cell that holds the panel, empty if none does, once they are in their place; and how a new text of a cell is shown as a
 * change to accept or refuse, where it can be; and whether new cells go to the notebook's end. `trans` is for what is said of it.
 * @typedef {{trans: Translation, context(): any, around(): Promise<{widget: any, own: string} | null>, compare?(cell: any, source: string): void, isAtEnd?(): boolean}} Place
 */

/** The cells of the notebook that a panel is beside, and which of them the user means. */
export class PanelNotebook {
  /** @param {Place} place */
  constructor(place) {
    this.place = place;
    /** @type {any} */
    this.widget = null;
    /** The cell that holds the panel; a click into the panel makes it the active one, which nobody means. */
    this.own = "";
    /** The cell that was active last, the panel's own left out. */
    this.last = "";
    this.onActive = () => {
      const id = this.widget.activeCell?.model.sharedModel.getId();
      if (id && id !== this.own) this.last = id;
    };
  }

  /** Whether the page shows a notebook that can be got at. */
  get isThere() {
    return this.place.context() !== null;
  }

  /** Begin to follow which cell is active; a view is in its place some frames after it was made. @param {number} tries */
  async follow(tries = 100) {
    const found = await this.place.around().catch(() => null);
    if (this.widget || this.isClosed) return;
    if (found) {
      Object.assign(this, found);
      found.widget.activeCellChanged.connect(this.onActive);
      this.onActive();
    } else if (tries > 0) requestAnimationFrame(() => this.follow(tries - 1));
  }

  close() {
    this.isClosed = true;
    this.widget?.activeCellChanged.disconnect(this.onActive);
  }

  get cells() {
    return this.place.context()?.model.sharedModel.cells ?? [];
  }

  /** @param {string} id */
  index(id) {
    return this.cells.findIndex((/** @type {any} */ cell) => cell.getId() === id);
  }

  /** How a person finds a cell: by the number beside it, or else by its place. @param {number} index */
  name(index) {
    const count = this.cells[index].execution_count;
    return count ? this.place.trans.__("cell [%1]", count) : this.place.trans.__("cell %1 from the top", index + 1);
  }

  /** Add a cell below the one that was active last; Z in command mode takes it back. @param {string} source */
  insert(source) {
    const notebook = this.writable();
    const active = [this.last, this.own].map((id) => this.index(id)).find((index) => index >= 0);
    const before = this.place.isAtEnd?.() ? this.cells.length - 1 : active ?? this.cells.length - 1;
    notebook.undoManager?.stopCapturing();
    notebook.insertCell(before + 1, { cell_type: "code", source, metadata: { trusted: true } });
    notebook.undoManager?.stopCapturing();
    this.last = this.cells[before + 1].getId();
    this.show(this.last);
  }

  /** What `replace` would write over, in words; empty if there is nothing. */
  get replaced() {
    const index = this.index(this.last);
    return index >= 0 ? this.name(index) : "";
  }

  /** Write over the cell that was active last; Ctrl+Z in it takes it back. @param {string} source */
  replace(source) {
    this.writable();
    const { trans } = this.place;
    const index = this.index(this.last);
    if (index < 0) throw new Error(trans.__("Click into the cell that is to be replaced first."));
    const cell = this.cells[index];
    const name = capital(this.name(index));
    if (cell.cell_type !== "code") throw new Error(trans.__("%1 is not code. Click into a code cell, or insert a new one.", name));
    if (cell.getMetadata("editable") === false) throw new Error(trans.__("%1 is locked. Click into another one, or insert a new one.", name));
    // Looked at and written in one go: nobody types in between.
    if (this.isRunning(cell, index)) throw new Error(trans.__("%1 is running. Replace it when it has ended.", name));
    cell.undoManager?.stopCapturing();
    cell.updateSource(0, cell.getSource().length, source);
    cell.undoManager?.stopCapturing();
    this.show(this.last);
  }

  /** Whether a new text of a cell can be shown as a change. */
  get canCompare() {
    return this.place.compare !== undefined;
  }

  /** Show a new text of the cell that was active last as a change. @param {string} source */
  compare(source) {
    this.writable();
    const index = this.index(this.last);
    if (index < 0) throw new Error(this.place.trans.__("Click into the cell that is to be compared first."));
    this.show(this.last);
    this.place.compare?.(this.widget.widgets[index], source);
  }

  /** Scroll to a cell and make it the active one; false if it is not there. @param {string} id */
  show(id) {
    const index = this.index(id);
    if (index < 0 || !this.widget) return false;
    this.widget.deselectAll();
    this.widget.activeCellIndex = index;
    Promise.resolve(this.widget.scrollToItem(index, "smart")).catch(() => {}); // it may have been closed meanwhile
    return true;
  }

  /** What the user has selected: several cells, or the active one and the text that is selected in it. */
  selection() {
    const { widget } = this;
    if (!widget) return null;
    const chosen = widget.widgets.filter((/** @type {any} */ cell) => widget.isSelected(cell)).map((/** @type {any} */ cell) => cell.model.sharedModel.getId());
    if (chosen.length > 1) return { cells: chosen, text: "" };
    const index = this.index(this.last);
    if (index < 0) return null;
    const editor = widget.widgets[index]?.editor;
    const ends = editor ? Object.values(editor.getSelection()).filter((at) => at && typeof at === "object").map((at) => editor.getOffsetAt(at)) : [];
    return { cells: [this.last], text: ends.length > 1 ? this.cells[index].getSource().slice(Math.min(...ends), Math.max(...ends)) : "" };
  }

  writable() {
    const context = this.place.context();
    if (!context || context.model.readOnly) throw new Error(this.place.trans.__("This notebook cannot be changed in this page."));
    return context.model.sharedModel;
  }

  /** Older pages do not say so in the document; there the star beside the cell does. @param {any} cell @param {number} index */
  isRunning(cell, index) {
    return cell.executionState === "running" || Boolean(this.widget?.widgets[index]?.promptNode?.textContent?.includes("*"));
  }
}

/** @param {string} text */
function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
