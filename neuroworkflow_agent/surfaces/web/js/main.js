// @ts-check
// The page: chats at the left, one conversation beside them. What it shows is the server's; it keeps nothing but drafts.

import { button, el, openDialog } from "../../panel/js/dom.js";
import { PanelNotebook } from "../../panel/js/notebook_page.js";
import { PanelView } from "../../panel/js/panel.js";
import { Store } from "../../panel/js/store.js";
import { UNTRANSLATED } from "../../panel/js/translation.js";
import { post } from "./api.js";
import { ChatList } from "./chat_list.js";
import { ChatTransport } from "./chat_transport.js";
import { Connection } from "./connection.js";

const NAME = document.title;
const trans = UNTRANSLATED;

class WebPage {
  constructor() {
    /** @type {ChatTransport | null} */
    this.transport = null;
    /** @type {Store | null} */
    this.store = null;
    /** @type {PanelView | null} */
    this.view = null;
    this.list = new ChatList({ go: (id) => this.go(id), begin: (place) => void this.begin(place), problem: (text) => this.problem(text) });
    this.main = el("main.nwa-conversation");
    this.shade = el("div.nwa-shade", { onclick: () => this.drawer(false) });
    this.trouble = el("p.nwa-away", { role: "alert", hidden: true });
    this.connection = new Connection({
      chat: (message, buffers) => this.transport?.hand(message, buffers),
      chats: (rows) => this.list.show(rows),
      place: (where) => this.tellPlace(where),
      life: (isOpen) => this.onLife(isOpen),
      gone: () => void this.begin(),
      isBusy: () => Boolean(this.store?.state.busy),
    });
    document.body.classList.add("nwa-web");
    document.body.append(this.list.node, this.shade, this.main, this.trouble);
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.drawer(false));
    window.addEventListener("popstate", () => void this.start());
    // Dropped beside the chat, files are for it as well; a browser would open them in the page's place.
    for (const kind of ["dragover", "drop"]) {
      document.addEventListener(kind, (event) => {
        const { dataTransfer } = /** @type {DragEvent} */ (event);
        if (!dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        if (kind === "drop") this.view?.composer.upload([...dataTransfer.files]);
      });
    }
  }

  async start() {
    const id = /\/c\/([^/]+)$/.exec(location.pathname)?.[1];
    if (id) this.show(decodeURIComponent(id));
    else await this.begin();
  }

  /** Begin a chat. @param {import("./chat_list.js").Place} [place] */
  async begin(place) {
    try {
      const { id } = await post("chats", place ? { place } : {});
      this.go(id);
      this.view?.composer.field.focus();
    } catch (error) {
      this.problem(/** @type {Error} */ (error).message);
    }
  }

  /** Go to a chat. @param {string} id */
  go(id) {
    this.drawer(false);
    if (id === this.transport?.id) return;
    history.pushState(null, "", `c/${encodeURIComponent(id)}`);
    this.show(id);
  }

  /** @param {string} id */
  show(id) {
    this.view?.close();
    this.store?.close();
    const transport = new ChatTransport(id, { begin: () => void this.begin(), list: () => this.toList(), go: (other) => this.go(other) }, (image) => this.enlarge(image));
    this.transport = transport;
    this.store = new Store(transport, new PanelNotebook({ trans: UNTRANSLATED, context: () => null, around: async () => null }));
    this.store.listeners.add({ reset() {}, changed() {}, problem: (text) => this.view?.problem(text), state: () => this.follow() });
    this.view = new PanelView(this.store);
    this.view.node.classList.add("nwa-full");
    const menu = button(trans.__("Chats"), () => this.toList(), { icon: "list", css: "nwa-menu" });
    menu.setAttribute("aria-controls", "nwa-side");
    this.where = el("small.nwa-where", { dir: "auto" });
    this.view.node.querySelector(".nwa-head")?.prepend(menu);
    this.view.node.querySelector(".nwa-head h2")?.after(this.where);
    this.main.replaceChildren(el("h1.nwa-unseen", { text: NAME }), this.view.node);
    this.list.mark(id);
    this.connection.show(id);
    this.trouble.hidden = true;
  }

  /** @param {string} where */
  tellPlace(where) {
    this.transport?.setPlace(where);
    if (!this.where) return;
    this.where.textContent = where;
    this.where.title = where ? trans.__("The agent’s code runs in %1", where) : "";
  }

  /** @param {boolean} isOpen */
  onLife(isOpen) {
    this.transport?.setOpen(isOpen);
    if (isOpen && this.store) {
      this.store.isLoaded = false; // what was sent meanwhile may be lost
      this.store.hello();
    }
  }

  /** The chat's state has changed. */
  follow() {
    const { state } = /** @type {Store} */ (this.store);
    document.title = `${state.busy ? "● " : ""}${state.title || NAME}`;
    const { transport } = this;
    if (!transport || !state.session || state.session === transport.id) return;
    transport.id = state.session;
    this.connection.rename(state.session);
    this.list.mark(state.session);
    history.replaceState(null, "", `c/${encodeURIComponent(state.session)}`);
  }

  /** To the list of chats; where there is no room for it beside the chat, over that. */
  toList() {
    this.drawer(!document.body.classList.contains("nwa-drawer"));
    this.list.search.focus();
  }

  /** @param {boolean} isOpen */
  drawer(isOpen) {
    document.body.classList.toggle("nwa-drawer", isOpen);
  }

  /** @param {HTMLImageElement} image */
  enlarge(image) {
    const root = this.view?.node ?? document.body;
    const dialog = openDialog(trans, root, trans.__("Picture"), el("img", { src: image.src, alt: image.alt || trans.__("Output of the code") }));
    dialog.classList.add("nwa-large");
  }

  /** @param {string} text */
  problem(text) {
    if (this.view) this.view.problem(text);
    this.trouble.hidden = Boolean(this.view);
    this.trouble.textContent = text;
  }
}

void new WebPage().start();
