// @ts-check
// One item of the transcript as elements, and how a change of it is drawn.

import { drawPin } from "./account.js";
import { button, confirmOn, copyText, el, uniqueId } from "./dom.js";

/** @import { Store, Item, Op } from "./store.js" */
/** @import { Translation } from "./translation.js" */

/** A call's state in words. @param {Translation} trans @param {string} state */
function stateName(trans, state) {
  switch (state) {
    case "waiting": return trans.__("waits for the kernel");
    case "running": return trans.__("running");
    case "asking": return trans.__("asks for permission");
    case "ok": return trans.__("done");
    case "error": return trans.__("failed");
    case "stopped": return trans.__("stopped");
    case "denied": return trans.__("refused");
    default: return state;
  }
}

export class Card {
  /**
   * @param {Item} item
   * @param {Store} store
   * @param {{fork(messageId: string): void, goOn(): void, again(turn: string): void, undo(turn: string): void, edit(turn: string, text: string): void, drop(turn: string): void, problem(text: string): void}} actions
   */
  constructor(item, store, actions) {
    this.item = item;
    this.store = store;
    this.trans = store.trans;
    this.actions = actions;
    this.parts = el("div.nwa-parts");
    const make = { user: this.user, answer: this.answer, thinking: this.thinking, tool: this.tool, question: this.question, plan: this.plan, notice: this.notice, end: this.end };
    /** @type {HTMLElement} */
    this.node = (make[/** @type {keyof typeof make} */ (item.kind)] ?? this.notice).call(this);
    this.node.classList.add("nwa-item", `nwa-${item.kind}`);
    this.drawParts(0);
    this.drawFields();
  }

  /** @param {Op} op */
  update(op) {
    if (op.op === "parts") this.drawParts(op.start);
    else this.drawFields();
  }

  // -- kinds ------------------------------------------------------------------------------------------

  user() {
    const chips = (this.item.attached ?? []).map((/** @type {string} */ name) => el("li", { text: name }));
    const { turn, text } = this.item;
    const edit = button(this.trans.__("Edit"), () => this.actions.edit(turn, text), { icon: "edit", css: "nwa-edit", title: this.trans.__("Edit this message and go on from here, in a copy of the session") });
    return el(
      "article",
      { "aria-label": this.trans.__("You") },
      turn ? edit : null,
      el("div.nwa-said", { dir: "auto", text }),
      chips.length ? el("ul.nwa-chips", { "aria-label": this.trans.__("Attached") }, ...chips) : null,
    );
  }

  answer() {
    const { trans } = this;
    this.copy = button(trans.__("Copy answer"), () => copyText(/** @type {any} */ (this.copy), this.item.source, trans.__("Copied")), { icon: "copy", css: "nwa-copy-answer" });
    return el("article", { "aria-label": trans.__("Agent") }, this.parts, this.copy);
  }

  thinking() {
    this.head = el("summary");
    this.text = el("div.nwa-thought", { dir: "auto" });
    return el("details", {}, this.head, this.text);
  }

  tool() {
    this.title = el("span.nwa-title", { dir: "auto" });
    this.state = el("span.nwa-state");
    this.reveal = button(this.trans.__("Show cell"), () => this.showCell(), { css: "nwa-reveal", title: this.trans.__("Scroll to the cell") });
    this.place = el("div.nwa-place");
    this.input = el("div.nwa-input");
    this.below = el("div");
    this.box = el("details", { open: this.item.open }, el("summary", {}, this.title, this.state), this.place, this.input, this.below, this.parts);
    return el("div", {}, this.box, this.reveal); // what is pressed may not stand in what opens and closes
  }

  question() {
    this.below = el("div");
    return el("section", { "aria-label": this.trans.__("The agent asks") }, this.below, this.parts);
  }

  plan() {
    return el("section", { "aria-label": this.trans.__("Plan") }, this.parts);
  }

  notice() {
    return el("p", { dir: "auto", text: this.item.text });
  }

  end() {
    const { trans } = this;
    const fork = button(trans.__("Fork from here"), () => this.actions.fork(this.item.fork), { title: trans.__("Continue in a copy of the session that ends here") });
    // Where it is the last thing that happened, as the style has it.
    const goOn = this.item.end === "cut_off" ? button(trans.__("Continue"), () => this.actions.goOn(), { css: "nwa-go-on", title: trans.__("Have the agent go on where it was cut off") }) : null;
    const again = this.store.transport.chats ? button(trans.__("Answer again"), () => this.actions.again(this.item.turn), { css: "nwa-again", title: trans.__("Ask the same again, in a copy of the chat up to here") }) : null;
    this.line = el("span");
    this.undo = button(trans.__("Undo"), () => this.actions.undo(this.item.turn), { title: trans.__("Take back what this turn did, after a look at what that means") });
    this.pin = button("", () => this.changePin());
    this.drop = button(trans.__("Drop"), () => this.actions.drop(this.item.turn), { title: trans.__("Go on in a copy of the session without this turn; what was said after it goes along as text") });
    return el("footer", {}, this.line, goOn, again, this.item.fork ? fork : null, this.undo, this.pin, this.drop);
  }

  // -- drawing ----------------------------------------------------------------------------------------

  /** @param {number} start */
  drawParts(start) {
    const { parts } = this.item;
    while (this.parts.childElementCount > parts.length) this.parts.lastElementChild?.remove();
    for (let index = start; index < parts.length; index += 1) {
      let part = this.parts.children[index];
      if (!part) {
        part = el("div");
        this.parts.append(part);
      }
      part.innerHTML = parts[index]; // sanitized by Python
      this.dress(part);
    }
  }

  drawFields() {
    const { item, trans } = this;
    this.node.classList.toggle("nwa-failed", Boolean(item.failed));
    if (item.kind === "answer" && this.copy) this.copy.hidden = !item.done;
    this.node.classList.toggle("nwa-unfinished", item.kind === "answer" && !item.done);
    if (item.kind === "end" && this.line && this.undo && this.pin && this.drop) {
      this.line.textContent = item.text;
      for (const act of [this.undo, this.pin, this.drop]) act.hidden = item.undone;
      drawPin(trans, this.pin, item.pinned);
      this.node.classList.toggle("nwa-taken-back", item.undone);
    }
    if (item.kind === "thinking" && this.head && this.text) {
      this.head.textContent = item.done ? trans.__("Thought") : trans.__("Thinking …");
      this.text.textContent = item.text;
    }
    if (item.kind === "tool" && this.state) {
      this.node.dataset.state = item.state;
      const named = stateName(trans, item.state);
      const reason = item.state === "denied" && item.decision ? `: ${item.decision}` : "";
      this.state.textContent = `${named}${reason}${item.duration ? ` · ${item.duration}` : ""}`;
      const isInNotebook = Boolean(item.cell) && this.store.notebook.isThere;
      /** @type {HTMLElement} */ (this.reveal).hidden = !isInNotebook;
      this.node.classList.toggle("nwa-of-cell", isInNotebook);
      this.drawInput();
      this.drawApproval();
    }
    if (item.kind === "question") this.drawQuestions();
  }

  /** What sanitized HTML cannot bring along: copy buttons, and pictures by their keys. @param {Element} part */
  dress(part) {
    const { trans } = this;
    const blocks = [...part.querySelectorAll("pre")];
    for (const pre of blocks) {
      const holder = el("div.nwa-code");
      pre.replaceWith(holder);
      const copy = button(trans.__("Copy"), () => copyText(copy, pre.textContent ?? "", trans.__("Copied")), { icon: "copy" });
      pre.tabIndex = 0; // it may have to be scrolled
      // A card's own code stands behind the call's other arguments; it may be shown cut, or with signs for what is not seen.
      const code = part === this.input ? pre === blocks.at(-1) && this.item.code : pre.querySelector(".nwa-python")?.textContent;
      holder.append(pre, el("div.nwa-tools", {}, ...(code ? this.intoCells(code.replace(/\n$/, "")) : []), copy));
    }
    for (const picture of part.querySelectorAll("img[data-picture]")) {
      const image = /** @type {HTMLImageElement} */ (picture);
      const frame = el("button.nwa-picture", {
        type: "button",
        "aria-pressed": "false",
        title: trans.__("Show at full width"),
      });
      frame.onclick = () => frame.setAttribute("aria-pressed", String(frame.classList.toggle("nwa-wide")));
      const { enlarge } = this.store.transport;
      if (enlarge) {
        frame.removeAttribute("aria-pressed");
        frame.title = trans.__("Show large");
        frame.onclick = () => enlarge(image);
      }
      image.replaceWith(frame);
      frame.append(image);
      this.store.picture(image.dataset.picture ?? "", (url) => (image.src = url));
    }
    for (const table of part.querySelectorAll("table")) {
      const holder = el("div.nwa-scroll", { tabIndex: 0, role: "group", "aria-label": trans.__("Table") });
      table.replaceWith(holder);
      holder.append(table);
      for (const head of table.querySelectorAll("th")) {
        if (!head.textContent?.trim()) head.replaceWith(el("td", { colSpan: head.colSpan, rowSpan: head.rowSpan }));
      }
    }
  }

  changePin() {
    const { turn, pinned } = this.item;
    this.store.ask({ type: "pin", turn, pinned: !pinned }).catch((error) => this.actions.problem(error.message));
  }

  showCell() {
    if (!this.store.notebook.show(this.item.cell)) this.actions.problem(this.trans.__("The notebook has no cell %1 (any more).", this.item.cell));
  }

  /** Buttons that make a cell of code, where there is a notebook in the page. @param {string} code */
  intoCells(code) {
    const { store: { notebook }, trans } = this;
    if (!notebook.isThere) return [];
    const act = (/** @type {HTMLElement} */ from, /** @type {() => void} */ change, /** @type {string} */ done) => {
      try {
        change();
        confirmOn(from, done);
      } catch (error) {
        this.actions.problem(/** @type {Error} */ (error).message);
      }
    };
    const insert = button(trans.__("Insert as cell"), () => act(insert, () => notebook.insert(code), trans.__("Inserted")), {
      icon: "below", css: "nwa-into", title: trans.__("Insert as a cell below the active one (Z in command mode takes it back)"),
    });
    const replace = button(trans.__("Replace cell"), () => act(replace, () => notebook.replace(code), trans.__("Replaced")), { icon: "into", css: "nwa-into" });
    const tell = () => {
      replace.title = notebook.replaced ? trans.__("Replace %1 (Ctrl+Z in it takes it back)", notebook.replaced) : trans.__("Replace the active cell");
    };
    tell();
    for (const kind of ["pointerenter", "focus"]) replace.addEventListener(kind, tell);
    if (!notebook.canCompare) return [insert, replace];
    const compare = button(trans.__("Compare"), () => act(compare, () => notebook.compare(code), trans.__("Shown in the cell")), {
      icon: "compare", css: "nwa-into", title: trans.__("Show in the active cell what would change, to accept or refuse"),
    });
    return [insert, replace, compare];
  }

  /** The input is drawn again when it is shown whole, for an approval. */
  drawInput() {
    const { item } = this;
    const input = /** @type {HTMLElement} */ (this.input);
    /** @type {HTMLElement} */ (this.title).textContent = item.title;
    this.drawLink();
    if (this.drawn === item.input) return;
    this.drawn = item.input;
    input.innerHTML = item.input; // sanitized by Python
    this.dress(input);
  }

  /** The name of a file that the call has changed opens it. Not in the heading: that is a control already. */
  drawLink() {
    const { item } = this;
    if (!item.link || this.isLinked) return;
    this.isLinked = true;
    const name = item.title.slice(item.title.indexOf(" ") + 1);
    const file = el("a.nwa-file", { text: name, title: this.trans.__("Open this file"), target: "_blank", rel: "noopener" });
    this.store.transport.connect(file, item.link).then((can) => can && /** @type {HTMLElement} */ (this.place).append(file), () => {});
  }

  drawApproval() {
    const { item, trans } = this;
    const below = /** @type {HTMLElement} */ (this.below);
    if (item.state !== "asking") {
      below.replaceChildren();
      return;
    }
    if (below.childElementCount) return;
    /** @type {any} */ (this.box).open = true;
    const why = el("input", { type: "text", placeholder: trans.__("Why not? (optional)"), "aria-label": trans.__("Reason for denying"), dir: "auto" });
    const say = (/** @type {any} */ answer) => this.answerRequest(answer, below);
    why.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Enter" && !event.isComposing) say({ allowed: false, reason: why.value });
    });
    below.append(
      el(
        "div.nwa-approval",
        { role: "group", "aria-label": trans.__("Permission: %1", item.title) },
        el("p", { text: `${trans.__("The agent asks for permission: %1.", item.title)} ${item.reason ?? ""}`, dir: "auto" }),
        el(
          "div.nwa-row",
          {},
          button(trans.__("Allow once"), () => say({ allowed: true }), { css: "nwa-main" }),
          item.remember ? button(trans.__("Allow for this session"), () => say({ allowed: true, remember: true }), { title: trans.__("Do not ask for %1 again in this session, but for files that other programs run", item.name) }) : null,
        ),
        el("div.nwa-row", {}, why, button(trans.__("Deny"), () => say({ allowed: false, reason: why.value }))),
      ),
    );
  }

  drawQuestions() {
    const { item, trans } = this;
    const below = /** @type {HTMLElement} */ (this.below);
    if (item.state !== "asking") {
      const answers = item.answers ?? {};
      below.replaceChildren(
        el(
          "dl",
          {},
          ...item.questions.flatMap((/** @type {any} */ asked) => [
            el("dt", { text: asked.question, dir: "auto" }),
            el("dd", { text: answers[asked.question] ?? (item.state === "ok" ? "" : stateName(trans, item.state)), dir: "auto" }),
          ]),
        ),
      );
      return;
    }
    if (below.querySelector("form")) return;
    const fields = item.questions.map((/** @type {any} */ asked) => questionField(asked, trans));
    const form = el(
      "form.nwa-approval",
      {
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const answers = Object.fromEntries(fields.map((/** @type {any} */ field) => [field.question, field.value()]));
          this.answerRequest({ allowed: true, answers }, form);
        },
      },
      ...fields.map((/** @type {any} */ field) => field.node),
      el("div.nwa-row", {}, el("button.nwa-main", { type: "submit", text: trans.__("Answer") }), button(trans.__("Do not answer"), () => this.answerRequest({ allowed: false }, form))),
    );
    below.replaceChildren(form);
  }

  /** @param {any} answer @param {HTMLElement} holder */
  answerRequest(answer, holder) {
    this.store.send({ type: "answer", request_id: this.item.request, ...answer });
    for (const control of holder.querySelectorAll("button, input")) /** @type {any} */ (control).disabled = true;
    /** @type {HTMLElement | null} */ (this.node.closest(".nwa-panel")?.querySelector("textarea") ?? null)?.focus();
  }
}

/** One question of the agent's, as a field set. @param {any} asked @param {Translation} trans */
function questionField(asked, trans) {
  const name = uniqueId("question");
  const kind = asked.multiple ? "checkbox" : "radio";
  const options = asked.options.map((/** @type {any} */ option) => {
    const input = el("input", { type: kind, name, value: option.label });
    const label = el("label", {}, input, el("span", { dir: "auto", text: option.label }), el("small", { dir: "auto", text: option.description }));
    return { input, label };
  });
  /** What is written is the answer, then, and no option is. */
  const choose = () => {
    if (!asked.multiple && own.value.trim()) for (const option of options) option.input.checked = false;
  };
  const own = el("input", { type: "text", oninput: choose, "aria-label": trans.__("Other answer: %1", asked.question), placeholder: trans.__("Other"), dir: "auto" });
  return {
    question: asked.question,
    node: el("fieldset", {}, el("legend", { text: asked.question, dir: "auto" }), ...options.map((/** @type {any} */ o) => o.label), own),
    value: () => {
      const chosen = options.filter((/** @type {any} */ o) => o.input.checked).map((/** @type {any} */ o) => o.input.value);
      if (own.value.trim()) chosen.push(own.value.trim());
      return (asked.multiple ? chosen : chosen.slice(-1)).join(", ");
    },
  };
}
