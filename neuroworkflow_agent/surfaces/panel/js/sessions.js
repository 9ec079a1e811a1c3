// @ts-check
// The list of sessions: go to one, rename it, delete it.

import { button, el, openDialog } from "./dom.js";

/** @import { Store } from "./store.js" */

const MIN_CHARS = 3;
const PAUSE_MS = 300;

/** @param {Store} store @param {HTMLElement} root @param {(text: string) => void} problem */
export async function openSessions(store, root, problem) {
  const { trans } = store;
  const list = el("ul.nwa-sessions", { "aria-label": trans.__("Sessions") });
  const search = el("input", { type: "search", placeholder: trans.__("Search"), "aria-label": trans.__("Search in sessions"), dir: "auto", oninput: () => look() });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const filter = () => {
    const wanted = search.value.trim().toLocaleLowerCase();
    for (const node of list.children) {
      const { title, words } = /** @type {HTMLElement} */ (node).dataset;
      const isSaidThere = Boolean(words) && words === wanted;
      /** @type {HTMLElement} */ (node).hidden = !(title ?? "").includes(wanted) && !isSaidThere;
      node.querySelector(".nwa-said-there")?.toggleAttribute("hidden", !isSaidThere);
    }
  };
  /** Titles at once; what was said in the sessions, asked of the kernel, a moment later. */
  const look = () => {
    clearTimeout(timer);
    filter();
    const words = search.value.trim();
    if (words.length >= MIN_CHARS) timer = setTimeout(() => ask({ type: "sessions", words }, (reply) => show(words, reply)), PAUSE_MS);
  };
  /** @param {string} words @param {any} reply */
  const show = (words, reply) => {
    if (search.value.trim() !== words) return;
    const places = new Map(reply.sessions.map((/** @type {any} */ found) => [found.id, found.place]));
    for (const node of list.children) {
      const place = places.get(/** @type {HTMLElement} */ (node).dataset.id) ?? "";
      /** @type {HTMLElement} */ (node).dataset.words = place ? words.toLocaleLowerCase() : "";
      const shown = node.querySelector(".nwa-said-there");
      if (shown) shown.textContent = place;
    }
    filter();
  };
  const dialog = openDialog(trans, root, trans.__("Sessions"), search, list);
  /** @param {any} message @param {(reply: any) => void} done */
  const ask = async (message, done) => {
    try {
      done(await store.ask(message));
    } catch (error) {
      dialog.close();
      problem(/** @type {Error} */ (error).message);
    }
  };
  /** @param {any} reply */
  const draw = (reply) => {
    list.replaceChildren(...reply.sessions.map((/** @type {any} */ found) => row(found)));
    filter();
    if (reply.sessions.length === 0) list.append(el("li", { text: trans.__("No sessions in this workspace yet.") }));
    (list.querySelector("button") ?? dialog.querySelector("button"))?.focus();
  };
  /** @param {any} found */
  const row = (found) => {
    const isCurrent = found.id === store.state.session;
    const time = new Date(found.modified).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    const open = el(
      "button.nwa-session",
      {
        type: "button",
        "aria-current": isCurrent ? "true" : null,
        onclick: () => {
          dialog.close();
          if (!isCurrent) store.send({ type: "resume", id: found.id });
        },
      },
      el("span", { text: found.title, dir: "auto" }),
      el("small", { text: isCurrent ? trans.__("%1 · open", time) : time }),
      el("small.nwa-said-there", { dir: "auto", hidden: true }),
    );
    const node = el("li", { "data-title": found.title.toLocaleLowerCase(), "data-id": found.id }, open, button(trans.__("Rename"), () => rename(), { title: trans.__("Rename %1", found.title) }), button(trans.__("Delete"), () => askTwice(), { title: trans.__("Delete %1", found.title) }));
    const rename = () => {
      const title = el("input", { type: "text", value: found.title, "aria-label": trans.__("Title"), dir: "auto" });
      const form = el(
        "form.nwa-row",
        { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); ask({ type: "rename", id: found.id, title: title.value }, draw); } },
        title,
        el("button.nwa-main", { type: "submit", text: trans.__("Save") }),
      );
      node.replaceChildren(form);
      title.select();
      title.focus();
    };
    const askTwice = () => {
      const keep = button(trans.__("Keep"), () => node.replaceWith(row(found)));
      node.replaceChildren(
        el("span", { role: "alert", text: trans.__("Delete “%1” for good?", found.title) }),
        button(trans.__("Delete for good"), () => ask({ type: "delete", id: found.id }, draw), { css: "nwa-danger" }),
        keep,
      );
      keep.focus();
    };
    return node;
  };
  await ask({ type: "sessions" }, draw);
}
