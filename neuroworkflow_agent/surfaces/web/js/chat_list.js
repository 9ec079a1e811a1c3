// @ts-check
// The chats at the left: go to one, search, pin, rename, copy, delete.

import { button, el, uniqueId } from "../../panel/js/dom.js";
import { UNTRANSLATED } from "../../panel/js/translation.js";
import { call, post } from "./api.js";

/** @typedef {{id: string, title: string, busy: boolean, pinned: boolean, place: string, where: string}} Row */
/** @typedef {{kernel: string} | {notebook: string}} Place Where the code of a chat runs. */
/** @typedef {{go(id: string): void, begin(place?: Place): void, problem(text: string): void}} Actions */

const trans = UNTRANSLATED;
const MIN_CHARS = 3;
const PAUSE_MS = 300;

export class ChatList {
  /** @param {Actions} actions */
  constructor(actions) {
    this.actions = actions;
    this.current = "";
    /** @type {Row[]} */
    this.rows = [];
    /** Where what is searched for was said, by session. @type {Map<string, string>} */
    this.said = new Map();
    /** The row whose menu is open, and what of it. @type {{id: string, doing: "menu" | "rename" | "delete"} | null} */
    this.open = null;
    this.search = el("input", { type: "search", placeholder: trans.__("Search"), "aria-label": trans.__("Search in chats"), dir: "auto", oninput: () => this.look() });
    this.places = el("div.nwa-places", { id: uniqueId("places"), hidden: true, onkeydown: (/** @type {KeyboardEvent} */ event) => this.onPlaceKey(event) });
    this.choice = button("▾", () => this.choose(), { title: trans.__("Another kernel, or a notebook’s") });
    this.choice.setAttribute("aria-label", this.choice.title);
    this.choice.setAttribute("aria-controls", this.places.id);
    this.choice.setAttribute("aria-expanded", "false");
    this.list = el("ul.nwa-chats", { "aria-label": trans.__("Chats") });
    this.node = el(
      "nav.nwa-side",
      { "aria-label": trans.__("Chats"), id: "nwa-side" },
      el("div.nwa-side-head", {}, button(trans.__("New chat"), () => actions.begin(), { css: "nwa-new" }), this.choice),
      this.places,
      this.search,
      this.list,
    );
  }

  /** @param {Row[]} rows */
  show(rows) {
    this.rows = rows;
    this.draw();
  }

  /** Offer what the code of a new chat may run in, as it is now; or offer it no longer. */
  async choose() {
    if (!this.places.hidden) {
      this.closeChoice();
      return;
    }
    try {
      const { kernels, notebooks } = await call("places");
      const offer = (/** @type {string} */ text, /** @type {Place} */ place) => button(text, () => this.begin(place), { css: "nwa-place-choice" });
      this.places.replaceChildren(
        ...group(trans.__("With a kernel of its own"), kernels.map((/** @type {any} */ { kernel, title }) => offer(title, { kernel }))),
        ...group(trans.__("With the kernel of a notebook that runs"), notebooks.map((/** @type {string} */ notebook) => offer(notebook, { notebook })), trans.__("No notebook of this folder runs.")),
      );
      this.places.hidden = false;
      this.choice.setAttribute("aria-expanded", "true");
      this.places.querySelector("button")?.focus();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {KeyboardEvent} event */
  onPlaceKey(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // which closes the drawer
    this.closeChoice();
    this.choice.focus();
  }

  closeChoice() {
    this.places.hidden = true;
    this.choice.setAttribute("aria-expanded", "false");
  }

  /** @param {Place} place */
  begin(place) {
    this.closeChoice();
    this.actions.begin(place);
  }

  /** @param {string} id */
  mark(id) {
    if (id === this.current) return;
    this.current = id;
    this.draw();
  }

  /** Titles at once; what was said in the chats, asked of the server, a moment later. */
  look() {
    clearTimeout(this.timer);
    this.said = new Map();
    this.draw();
    const words = this.search.value.trim();
    if (words.length < MIN_CHARS) return;
    this.timer = setTimeout(async () => {
      try {
        const { chats } = await call(`chats?words=${encodeURIComponent(words)}`);
        if (this.search.value.trim() !== words) return;
        this.said = new Map(chats.filter((/** @type {Row} */ row) => row.place).map((/** @type {Row} */ row) => [row.id, row.place]));
        this.draw();
      } catch (error) {
        this.fail(error);
      }
    }, PAUSE_MS);
  }

  draw() {
    const wanted = this.search.value.trim().toLocaleLowerCase();
    const shown = this.rows.filter((row) => row.title.toLocaleLowerCase().includes(wanted) || this.said.has(row.id));
    // What is being typed into, or about to be pressed, stays.
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const place = focused && this.list.contains(focused) ? { id: focused.closest("li")?.dataset.id, name: focused.dataset.name, value: /** @type {any} */ (focused).value } : null;
    this.list.replaceChildren(...shown.map((row) => this.item(row)));
    if (shown.length === 0) this.list.append(el("li.nwa-none", { text: wanted ? trans.__("Nothing found.") : trans.__("No chats yet.") }));
    if (!place?.name) return;
    const again = [...this.list.querySelectorAll(`[data-name="${place.name}"]`)].find((node) => node.closest("li").dataset.id === place.id);
    if (place.name === "title" && again) again.value = place.value;
    again?.focus();
  }

  /** @param {Row} row */
  item(row) {
    const doing = this.open?.id === row.id ? this.open.doing : null;
    const link = el(
      "a.nwa-chat",
      {
        href: `c/${encodeURIComponent(row.id)}`,
        "aria-current": row.id === this.current ? "page" : null,
        "data-name": "link",
        title: row.title,
        onclick: (/** @type {MouseEvent} */ event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          this.actions.go(row.id);
        },
      },
      el("span", { text: row.title, dir: "auto" }),
      row.busy ? el("small.nwa-at-work", { text: trans.__("at work") }) : row.pinned ? el("small", { text: trans.__("pinned") }) : null,
      row.where ? el("small", { text: row.where, dir: "auto" }) : null,
      this.said.has(row.id) ? el("small.nwa-said-there", { text: this.said.get(row.id), dir: "auto" }) : null,
    );
    const menu = button("⋯", () => this.toggle(row.id), { css: "nwa-more", title: trans.__("Actions for %1", row.title) });
    menu.setAttribute("aria-label", trans.__("Actions for %1", row.title));
    menu.setAttribute("aria-expanded", String(doing !== null));
    menu.dataset.name = "menu";
    const node = el("li", { "data-id": row.id }, link, menu);
    if (doing === "menu") node.append(this.menu(row));
    if (doing === "rename") node.append(this.renaming(row));
    if (doing === "delete") node.append(this.deleting(row));
    return node;
  }

  /** @param {string} id */
  toggle(id) {
    this.open = this.open?.id === id ? null : { id, doing: "menu" };
    this.draw();
  }

  /** @param {string} id @param {"menu" | "rename" | "delete"} doing @param {string} name Of what is to have the focus */
  step(id, doing, name) {
    this.open = { id, doing };
    this.draw();
    const field = this.list.querySelector(`[data-name="${name}"]`);
    field?.focus();
    field?.select?.();
  }

  /** @param {Row} row */
  menu(row) {
    const path = `chats/${encodeURIComponent(row.id)}`;
    return el(
      "div.nwa-row-actions",
      { role: "group", "aria-label": trans.__("Actions for %1", row.title) },
      named(button(row.pinned ? trans.__("Unpin") : trans.__("Pin"), () => this.act(() => post(`${path}/pin`, { pinned: !row.pinned }))), "pin"),
      named(button(trans.__("Rename"), () => this.step(row.id, "rename", "title")), "rename"),
      named(button(trans.__("Copy"), () => this.act(async () => this.actions.go((await post(`${path}/fork`)).id)), { title: trans.__("Go on in a copy of this chat") }), "copy"),
      named(button(trans.__("Delete"), () => this.step(row.id, "delete", "keep")), "delete"),
    );
  }

  /** @param {Row} row */
  renaming(row) {
    const title = el("input", { type: "text", value: row.title, "aria-label": trans.__("Title"), dir: "auto", "data-name": "title" });
    const save = (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.act(() => post(`chats/${encodeURIComponent(row.id)}/rename`, { title: title.value }));
    };
    title.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && this.toggle(row.id));
    return el("form.nwa-row-actions", { onsubmit: save }, title, el("button", { type: "submit", text: trans.__("Save") }));
  }

  /** @param {Row} row */
  deleting(row) {
    return el(
      "div.nwa-row-actions",
      {},
      el("span", { role: "alert", text: trans.__("Delete this chat for good?") }),
      named(button(trans.__("Delete for good"), () => this.act(() => call(`chats/${encodeURIComponent(row.id)}`, { method: "DELETE" })), { css: "nwa-danger" }), "delete"),
      named(button(trans.__("Keep"), () => this.toggle(row.id)), "keep"),
    );
  }

  /** @param {() => Promise<any>} work */
  async act(work) {
    try {
      await work();
      this.open = null;
      this.draw();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {any} error */
  fail(error) {
    this.actions.problem(error.message);
  }
}

/** @param {string} title @param {HTMLElement[]} offers @param {string} [none] What is said where there are none @returns {HTMLElement[]} */
function group(title, offers, none = "") {
  const id = uniqueId("group");
  return [el("p", { id, text: title }), el("div", { role: "group", "aria-labelledby": id }, ...(offers.length ? offers : [el("small", { text: none })]))];
}

/** @param {HTMLElement} node @param {string} name By which it is found again when the list is drawn anew */
function named(node, name) {
  node.dataset.name = name;
  return node;
}
