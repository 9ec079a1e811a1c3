// @ts-check
// Where no model can be had: a form for a key. It goes to the kernel in one message, and is kept nowhere in the page.

import { el } from "./dom.js";

/** @import { Store } from "./store.js" */

/** Whose address has to be said. */
const WITH_ADDRESS = ["gateway", "server"];

export class SignInForm {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    const { trans } = store;
    const kinds = [
      ["anthropic", "Anthropic"],
      ["openai", "OpenAI"],
      ["gateway", trans.__("A hub’s gateway")],
      ["server", trans.__("A model server")],
    ];
    this.kind = el(
      "select",
      { "aria-label": trans.__("Who takes the key"), onchange: () => this.drawKind() },
      ...kinds.map(([value, text]) => el("option", { value, text })),
    );
    this.address = el("input", { type: "url", placeholder: "https://…", "aria-label": trans.__("Base URL"), spellcheck: false });
    this.key = el("input", { type: "password", placeholder: trans.__("Key"), "aria-label": trans.__("Key"), autocomplete: "off", spellcheck: false });
    this.save = el("button.nwa-main", { type: "submit", text: trans.__("Save") });
    this.said = el("p", { role: "alert", dir: "auto" });
    this.form = el(
      "form.nwa-sign-in",
      {
        "aria-label": trans.__("Sign in"),
        autocomplete: "off",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          this.submit();
        },
      },
      el("p", { text: trans.__("Sign in with a key. It is tried once, kept for you alone on the kernel’s machine, and never shown or put into the notebook.") }),
      el("div.nwa-row", {}, this.kind, this.address, this.key, this.save),
      this.said,
    );
    this.node = el("div");
    this.drawKind();
  }

  drawKind() {
    this.address.hidden = !WITH_ADDRESS.includes(this.kind.value);
    this.address.required = !this.address.hidden;
    this.key.required = this.kind.value !== "server";
  }

  /** @param {boolean} isWanted */
  draw(isWanted) {
    if (isWanted === this.node.contains(this.form)) return;
    this.node.replaceChildren(...(isWanted ? [this.form] : []));
    this.key.value = "";
  }

  async submit() {
    this.save.disabled = true;
    this.said.textContent = "";
    try {
      const url = this.address.hidden ? "" : this.address.value;
      await this.store.ask({ type: "sign_in", kind: this.kind.value, url, key: this.key.value });
    } catch (error) {
      this.said.textContent = /** @type {Error} */ (error).message;
      this.key.focus();
    }
    this.key.value = "";
    this.save.disabled = false;
  }
}
