// @ts-check
// Where the user writes: text, what it points at, files, and the choice of model and mode.

import { button, el, openDialog, uniqueId } from "./dom.js";
import { besideANotebook } from "./transport.js";

/** @import { Store } from "./store.js" */

const PART_BYTES = 256 * 1024;
const OTHER = "\u2026";
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export class Composer {
  /** @param {Store} store @param {HTMLElement} root @param {(text: string) => void} problem @param {(name: string) => void} command */
  constructor(store, root, problem, command) {
    this.store = store;
    this.trans = store.trans;
    const { trans } = this;
    /** @type {Record<string, string>} */
    this.modes = {
      edit: trans.__("edit: runs code, edits files"),
      ask: trans.__("ask: asks before every change"),
      plan: trans.__("plan: changes nothing, plans"),
      "read-only": trans.__("read-only: only reads"),
    };
    this.root = root;
    this.problem = problem;
    this.command = command;
    /** @type {{kind: string, value: string, picture?: string, size?: string}[]} */
    this.chips = [];
    /** @type {any[]} */
    this.found = [];
    this.chosen = 0;
    this.lastPrompt = "";
    this.list = el("ul.nwa-completions", { role: "listbox", id: uniqueId("completions"), "aria-label": trans.__("Suggestions"), hidden: true });
    this.field = el("textarea", {
      rows: 2,
      dir: "auto",
      placeholder: (store.transport.words ?? besideANotebook(trans)).placeholder,
      "aria-label": trans.__("Message to the agent"),
      "aria-autocomplete": "list",
      "aria-haspopup": "listbox",
      "aria-controls": this.list.id,
      oninput: () => this.onInput(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event),
      onpaste: (/** @type {ClipboardEvent} */ event) => this.onPaste(event),
      onblur: () => setTimeout(() => this.hideList(), 150),
    });
    this.chipList = el("ul.nwa-chips", { "aria-label": trans.__("Attached to the next message"), hidden: true });
    this.queue = el("ul.nwa-queue", { "aria-label": trans.__("Messages that wait"), hidden: true });
    /** The turn that the message is to stand for, and what stood in the field before. @type {{turn: string, before: string} | null} */
    this.editing = null;
    const keep = button(trans.__("Cancel"), () => this.endEditing(), { title: trans.__("Leave the earlier message as it is (Escape)") });
    this.about = el("div.nwa-editing", { role: "status", hidden: true }, el("span", { text: trans.__("You edit an earlier message. The session goes on from there, in a copy.") }), keep);
    this.fix = button("", () => this.fixError(), { css: "nwa-fix" });
    this.fix.hidden = true;
    this.picker = el("input", { type: "file", multiple: true, hidden: true, "aria-label": trans.__("Files to attach"), onchange: () => this.upload([...this.picker.files]) });
    this.model = el("select", { "aria-label": trans.__("Model"), onchange: () => this.chooseModel() });
    this.mode = el("select", { "aria-label": trans.__("Mode"), onchange: () => this.change({ mode: this.mode.value }) });
    this.send = button(trans.__("Send"), () => this.submit(), { icon: "send", css: "nwa-main", title: trans.__("Send (Enter)") });
    this.stop = button(trans.__("Stop"), () => store.stop(), { icon: "stop", css: "nwa-stop", title: trans.__("Stop (Escape)") });
    this.attach = button(trans.__("Attach files"), () => this.picker.click(), { icon: "clip" });
    this.node = el(
      "div.nwa-composer",
      {},
      this.queue,
      this.about,
      el("div", {}, this.fix, this.chipList),
      el("div.nwa-field", {}, this.field, this.list),
      el("div.nwa-row", {}, this.attach, this.picker, this.mode, this.model, el("span.nwa-space"), this.stop, this.send),
    );
    this.field.value = this.draft;
    this.drawState();
  }

  get draftKey() {
    return `nwa-draft-${this.store.transport.name}`;
  }

  get limit() {
    return `${Math.round((this.store.state.max_upload_bytes ?? 0) / 1024 / 1024)} MB`;
  }

  get draft() {
    try {
      return sessionStorage.getItem(this.draftKey) ?? "";
    } catch {
      return "";
    }
  }

  keepDraft() {
    try {
      sessionStorage.setItem(this.draftKey, this.field.value);
    } catch {
      // Storage may be full or forbidden; then the draft lives as long as the page.
    }
  }

  /** Choices that are an administrator's. @param {string[]} names */
  lock(names) {
    for (const name of /** @type {const} */ (["model", "mode"])) {
      this[name].disabled = names.includes(name);
      this[name].title = this[name].disabled ? this.trans.__("Set by the administrator") : "";
    }
  }

  drawState() {
    const { store: { state }, trans } = this;
    const hadFocus = [this.stop, this.send, this.fix].includes(/** @type {any} */ (document.activeElement));
    this.stop.hidden = !this.store.isAtWork;
    this.send.title = state.busy ? trans.__("Send when the agent is done (Enter)") : trans.__("Send (Enter)");
    this.drawQueue();
    this.attach.title = trans.__("Attach files or pictures, up to %1 each; they are stored under uploads/", this.limit);
    const models = [...new Set([...state.models, state.model])].filter(Boolean);
    fill(this.model, [...models.map((/** @type {string} */ name) => [name, name]), [OTHER, trans.__("Other …")]], state.model);
    fill(this.mode, state.modes.map((/** @type {string} */ name) => [name, this.modes[name] ?? name]), state.mode);
    const offersFix = Boolean(state.error) && !state.busy && !this.chips.some((chip) => chip.kind === "error");
    this.fix.hidden = !offersFix;
    this.fix.textContent = offersFix ? trans.__("Fix this: %1", state.error) : "";
    if (hadFocus && /** @type {any} */ (document.activeElement)?.hidden !== false) this.field.focus();
  }

  // -- sending ----------------------------------------------------------------------------------------

  fixError() {
    this.addChip("error", this.trans.__("last error"));
    if (!this.field.value.trim()) this.submit();
    else this.field.focus();
  }

  /** Have the next message stand for an earlier one. @param {string} turn @param {string} text */
  edit(turn, text) {
    this.editing = { turn, before: this.editing?.before ?? this.field.value };
    this.about.hidden = false;
    this.begin(text);
  }

  endEditing() {
    const { before } = this.editing ?? { before: "" };
    this.editing = null;
    this.about.hidden = true;
    this.begin(before);
  }

  async submit() {
    const text = this.field.value;
    if (!text.trim() && !this.chips.some((chip) => chip.kind === "error")) {
      this.field.focus();
      return;
    }
    const { chips, editing } = this;
    this.editing = null;
    this.about.hidden = true;
    this.field.value = editing?.before ?? "";
    this.chips = [];
    this.drawChips();
    this.grow();
    this.field.focus();
    try {
      const pointed = chips.map((chip) => ({ kind: chip.kind, value: chip.value }));
      const selection = text.includes("@selection") ? this.store.notebook.selection() : null;
      const message = { text, chips: selection ? [...pointed, { kind: "selection", value: selection }] : pointed };
      await this.store.ask(editing ? { type: "edit", turn: editing.turn, ...message } : { type: "ask", ...message });
      this.lastPrompt = text;
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
      if (editing) this.edit(editing.turn, text);
      else this.field.value = [text, this.field.value].filter(Boolean).join("\n");
      this.chips = [...chips, ...this.chips];
      this.drawChips();
      this.grow();
    }
    this.keepDraft(); // until here a page that is loaded anew has the text
  }

  /** What waits for the turn to end, or for its next step; after a Stop it waits for a word of the user's. */
  drawQueue() {
    const { store: { state: { queue, busy } }, trans } = this;
    const drawn = JSON.stringify([queue, busy]);
    if (this.queue.dataset.drawn === drawn) return;
    this.queue.dataset.drawn = drawn;
    this.queue.hidden = queue.length === 0;
    const tell = (/** @type {string} */ id, /** @type {string} */ action, done = () => {}) => {
      this.field.focus();
      this.store.ask({ type: "queued", id, action }).then(done, (error) => this.problem(error.message));
    };
    const send = (/** @type {string} */ id) =>
      busy
        ? button(trans.__("Send now"), () => tell(id, "send"), { title: trans.__("The agent reads this after its present step, and goes on") })
        : button(trans.__("Send"), () => tell(id, "send"), { title: trans.__("Send this message now") });
    this.queue.replaceChildren(
      ...queue.map((/** @type {{id: string, text: string, now: boolean}} */ { id, text, now }) =>
        el(
          "li",
          {},
          el("span", { text, title: text, dir: "auto" }),
          now ? el("small", { text: trans.__("after this step"), title: trans.__("The agent reads this after its present step") }) : send(id),
          button(trans.__("Edit"), () => tell(id, "remove", () => this.begin([text, this.field.value].filter(Boolean).join("\n"))), { title: trans.__("Take this message back into the field") }),
          button(trans.__("Remove"), () => tell(id, "remove"), { icon: "close", title: trans.__("Do not send this message") }),
        ),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.isComposing || event.keyCode === 229) return; // an input method is at work
    const isOpen = !this.list.hidden;
    if (isOpen && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.choose(this.chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (isOpen && (event.key === "Enter" || event.key === "Tab")) {
      this.accept(this.found[this.chosen]);
    } else if (isOpen && event.key === "Escape") {
      this.hideList();
      event.stopPropagation();
    } else if (this.editing && event.key === "Escape") {
      this.endEditing();
      event.stopPropagation();
    } else if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      this.submit();
    } else if (event.key === "ArrowUp" && !this.field.value && this.lastPrompt) {
      this.field.value = this.lastPrompt;
      this.grow();
    } else return;
    event.preventDefault();
  }

  onInput() {
    this.keepDraft();
    this.grow();
    this.complete();
  }

  /** Put a text where the user writes, to be gone on with. @param {string} text */
  begin(text) {
    this.field.value = text;
    this.keepDraft();
    this.grow();
    this.field.focus();
  }

  grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight + 2, 200)}px`;
  }

  // -- what the message points at ---------------------------------------------------------------------

  /** What is before the cursor that names something: a word behind an at sign, or behind a slash at the very start. */
  mention() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    return /^\/[^\s/]*$/.exec(before)?.[0] ?? /(?:^|\s)(@(?:cell[ \t]+)?[^\s@]*)$/.exec(before)?.[1] ?? null;
  }

  async complete() {
    const text = this.mention();
    if (text === null) {
      this.hideList();
      return;
    }
    const { items } = await this.store.ask({ type: "complete", text });
    if (this.mention() !== text) return;
    this.found = items;
    this.list.replaceChildren(
      ...items.map((/** @type {any} */ found) =>
        el(
          "li",
          { role: "option", id: uniqueId("option"), onmousedown: (/** @type {Event} */ event) => { event.preventDefault(); this.accept(found); } },
          el("span", { text: found.value, dir: "auto" }),
          el("small", { text: found.kind === "file" ? this.trans.__("file") : found.detail, dir: "auto" }),
        ),
      ),
    );
    this.list.hidden = items.length === 0;
    if (items.length) this.choose(0);
  }

  /** @param {number} index */
  choose(index) {
    const options = [...this.list.children];
    this.chosen = (index + options.length) % options.length;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.chosen)));
    this.field.setAttribute("aria-activedescendant", options[this.chosen].id);
    options[this.chosen].scrollIntoView({ block: "nearest" });
  }

  /** @param {any} found */
  accept(found) {
    const end = this.field.selectionStart;
    const start = end - (this.mention() ?? "").length;
    this.hideList();
    if (found.kind === "command") {
      this.field.setRangeText("", start, end, "end");
      this.keepDraft();
      this.command(found.value);
      return;
    }
    if (found.kind === "mention") {
      // Its words say it all; which cells are meant is looked up when the message is sent.
      this.field.setRangeText(`@${found.value} `, start, end, "end");
      this.onInput();
      this.field.focus();
      return;
    }
    this.field.setRangeText(found.kind === "skill" ? this.trans.__("Use the skill %1: ", found.value.slice(1)) : `@${found.value} `, start, end, "end");
    if (found.kind !== "skill") this.addChip(found.kind, found.value);
    this.keepDraft();
    this.field.focus();
  }

  hideList() {
    this.list.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {string} kind @param {string} value @param {{picture?: string, size?: string}} [look] Address of a small view of it; how large it is */
  addChip(kind, value, look = {}) {
    if (!this.chips.some((chip) => chip.kind === kind && chip.value === value)) this.chips.push({ kind, value, ...look });
    this.drawChips();
    this.drawState();
  }

  drawChips() {
    this.chipList.hidden = this.chips.length === 0;
    this.chipList.replaceChildren(
      ...this.chips.map((chip) =>
        el(
          "li",
          {},
          chip.picture ? el("img", { src: chip.picture, alt: "" }) : null,
          el("span", { text: chip.value, dir: "auto" }),
          chip.size ? el("small", { text: chip.size }) : null,
          button(this.trans.__("Remove %1", chip.value), () => {
            this.chips = this.chips.filter((other) => other !== chip);
            this.drawChips();
            this.drawState();
            this.field.focus();
          }, { icon: "close" }),
        ),
      ),
    );
  }

  // -- files ------------------------------------------------------------------------------------------

  /** @param {ClipboardEvent} event */
  onPaste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    this.upload(files);
  }

  /** @param {File[]} files */
  async upload(files) {
    for (const file of files) {
      if (file.size > this.store.state.max_upload_bytes) {
        this.problem(this.trans.__("%1 is larger than %2; copy it into the workspace instead.", file.name, this.limit));
        continue;
      }
      try {
        const path = await this.store_file(file);
        this.addChip("file", path, { picture: PICTURES.includes(file.type) ? URL.createObjectURL(file) : undefined, size: inWords(file.size) });
      } catch (error) {
        this.problem(/** @type {Error} */ (error).message);
      }
    }
    this.picker.value = "";
  }

  /** @param {File} file @returns {Promise<string>} its path in the workspace */
  async store_file(file) {
    const id = uniqueId("upload");
    const of = Math.max(1, Math.ceil(file.size / PART_BYTES));
    let path = "";
    for (let part = 0; part < of; part += 1) {
      const data = await file.slice(part * PART_BYTES, (part + 1) * PART_BYTES).arrayBuffer();
      const reply = await this.store.ask({ type: "upload", id, name: file.name, part, of }, [data]);
      path = reply.path ?? path;
    }
    return path;
  }

  /** A choice counts once it works; else what is so is shown again. @param {{model?: string, mode?: string}} settings */
  async change(settings) {
    try {
      await this.store.ask({ type: "settings", ...settings });
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
      this.drawState();
    }
  }

  chooseModel() {
    if (this.model.value !== OTHER) {
      this.change({ model: this.model.value });
      return;
    }
    this.model.value = this.store.state.model;
    const { trans } = this;
    const name = el("input", { type: "text", "aria-label": trans.__("Model name"), placeholder: "ollama:qwen3, openai:gpt-4.1, https://…" });
    const dialog = openDialog(
      trans,
      this.root,
      trans.__("Which model?"),
      el(
        "form",
        {
          onsubmit: (/** @type {Event} */ event) => {
            event.preventDefault();
            if (name.value.trim()) {
              const wanted = name.value.trim();
              this.change({ model: wanted });
            }
            dialog.close();
          },
        },
        name,
        el("button.nwa-main", { type: "submit", text: trans.__("Use it") }),
      ),
    );
    name.focus();
  }
}

/** @param {number} bytes */
function inWords(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Options of a select, changed only when they differ. @param {any} select @param {string[][]} options @param {string} chosen */
function fill(select, options, chosen) {
  const wanted = options.map(([value, label]) => `${value}\n${label}`).join("\n\n");
  if (select.dataset.options !== wanted) {
    select.dataset.options = wanted;
    select.replaceChildren(...options.map(([value, label]) => el("option", { value, text: label })));
  }
  select.value = chosen;
}
