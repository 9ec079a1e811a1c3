// @ts-check
// Small helpers for the page. Text goes in as text; only what Python has sanitized goes in as HTML.

/** @import { Translation } from "./translation.js" */

/**
 * An element with properties, listeners (`onclick` …), attributes and children.
 * @param {string} tag Tag and classes: "button.nwa-quiet".
 * @param {Record<string, any>} [given]
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
export function el(tag, given = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else if (key in made && !key.startsWith("aria")) /** @type {any} */ (made)[key] = value;
    else made.setAttribute(key, String(value));
  }
  made.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined)));
  return made;
}

const ICONS = {
  add: "M12 5v14M5 12h14",
  below: "M5 4h14v5H5zM12 13v7M8.5 16.5h7",
  clip: "M8 12.5 14.5 6a3 3 0 0 1 4.2 4.2l-8.5 8.6a5 5 0 0 1-7-7.1L11 4",
  close: "M6 6l12 12M18 6 6 18",
  compare: "M12 3v18M5 7h4M5 12h4M15 12h4M17 10v4M15 17h4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  done: "M5 12.5 10 17l9-10",
  gauge: "M5 17a8 8 0 1 1 14 0M12 14l4-5",
  into: "M4 5h16v14H4zM12 8v7M9 12.5l3 3 3-3",
  list: "M5 6h14M5 12h14M5 18h14",
  send: "M5 12h13M12 5l7 7-7 7",
  stop: "M7 7h10v10H7z",
};

/**
 * A drawing that says nothing to a screen reader.
 * @param {keyof typeof ICONS} name
 */
function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: 16, height: 16, "aria-hidden": "true" })) {
    svg.setAttribute(key, String(value));
  }
  const path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries({
    d: ICONS[name], fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round",
  })) {
    path.setAttribute(key, String(value));
  }
  svg.append(path);
  return svg;
}

/**
 * A button; with an icon its label is for screen readers and the tooltip.
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {{icon?: keyof typeof ICONS, css?: string, title?: string}} [look]
 * @returns {HTMLButtonElement}
 */
export function button(label, onclick, look = {}) {
  const css = look.css ? `.${look.css}` : "";
  if (!look.icon) return el(`button${css}`, { type: "button", onclick, title: look.title, text: label });
  return el(`button.nwa-icon${css}`, { type: "button", onclick, title: look.title ?? label, "aria-label": label }, icon(look.icon));
}

/**
 * Put text on the clipboard and say so on the button.
 * @param {HTMLElement} from
 * @param {string} text
 * @param {string} done
 */
export async function copyText(from, text, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No permission, or no secure context: the old way.
    const field = el("textarea", { value: text, "aria-hidden": "true" });
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    from.focus();
  }
  confirmOn(from, done);
}

/**
 * Say on a button, for a moment, that it is done.
 * @param {HTMLElement} from
 * @param {string} done
 */
export function confirmOn(from, done) {
  const before = [...from.childNodes];
  const label = from.getAttribute("aria-label");
  from.replaceChildren(icon("done"));
  from.setAttribute("aria-label", done);
  setTimeout(() => {
    from.replaceChildren(...before);
    if (label !== null) from.setAttribute("aria-label", label);
  }, 1500);
}

/**
 * A modal dialog that leaves the page when it closes and gives the focus back.
 * @param {Translation} trans
 * @param {HTMLElement} root
 * @param {string} title
 * @param {...(Node | string)} content
 * @returns {HTMLDialogElement}
 */
export function openDialog(trans, root, title, ...content) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const heading = el("h2", { text: title, id: uniqueId("title") });
  const shut = button(trans.__("Close"), () => dialog.close(), { icon: "close" });
  /** @type {HTMLDialogElement} */
  const dialog = el("dialog.nwa-dialog", { "aria-labelledby": heading.id }, el("header", {}, heading, shut), ...content);
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus();
  });
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  root.append(dialog);
  dialog.showModal();
  return dialog;
}

let lastId = 0;
/** @param {string} stem */
export function uniqueId(stem) {
  lastId += 1;
  return `nwa-${stem}-${Date.now().toString(36)}-${lastId}`;
}
