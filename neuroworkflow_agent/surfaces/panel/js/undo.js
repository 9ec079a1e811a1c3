// @ts-check
// Undoing a turn: what it would do is shown, the user chooses, it is done.

import { button, el, openDialog } from "./dom.js";
/** @import { Store } from "./store.js" */

/** @param {Store} store @param {HTMLElement} root @param {string} turn @param {(text: string) => void} problem */
export async function openUndo(store, root, turn, problem) {
  const { trans } = store;
  /** @type {any} */
  let plan;
  try {
    plan = await store.ask({ type: "undo_plan", turn });
  } catch (error) {
    problem(/** @type {Error} */ (error).message);
    return;
  }
  const forget = checkbox(trans.__("The agent forgets this turn"), true);
  /** @type {{key: string, kind: string, input: HTMLInputElement}[]} */
  const boxes = [];
  /** @type {{kind: string, input: HTMLInputElement}[]} */
  const kinds = [];
  const titles = { files: trans.__("Files"), cells: trans.__("Cells"), variables: trans.__("Variables") };
  const groups = Object.entries(titles).flatMap(([kind, title]) => {
    const wanted = plan.effects.filter((/** @type {any} */ each) => each.kind === kind && each.can);
    if (wanted.length === 0) return [];
    const all = checkbox(title, true);
    const items = wanted.map((/** @type {any} */ each) => {
      const box = checkbox(each.text, true);
      boxes.push({ key: each.key, kind, input: box.input });
      box.input.addEventListener("change", () => draw());
      return el("li", {}, box.node);
    });
    all.input.addEventListener("change", () => {
      for (const box of boxes) if (box.kind === kind) box.input.checked = all.input.checked;
      draw();
    });
    kinds.push({ kind, input: all.input });
    return [el("fieldset", {}, el("legend", {}, all.node), el("ul", {}, ...items))];
  });
  const stays = [...plan.effects.filter((/** @type {any} */ each) => !each.can).map((/** @type {any} */ each) => each.text), ...plan.limits];
  const draw = () => {
    for (const { kind, input } of kinds) {
      const of = boxes.filter((box) => box.kind === kind);
      input.checked = of.every((box) => box.input.checked);
      input.indeterminate = !input.checked && of.some((box) => box.input.checked);
    }
    // What is left must not be unknown to the agent.
    const isAll = boxes.every((box) => box.input.checked);
    forget.input.disabled = !isAll;
    if (!isAll) forget.input.checked = false;
  };
  const undo = button(trans.__("Undo"), async () => {
    undo.disabled = true;
    const keys = forget.input.checked ? null : boxes.filter((box) => box.input.checked).map((box) => box.key);
    try {
      await store.ask({ type: "undo", turn, keys });
    } catch (error) {
      problem(/** @type {Error} */ (error).message);
    }
    dialog.close();
  }, { css: "nwa-main" });
  const dialog = openDialog(
    trans,
    root,
    trans.__("Undo this turn?"),
    el("p.nwa-target", { text: plan.prompt, dir: "auto" }),
    ...(boxes.length ? groups : [el("p", { text: trans.__("This turn changed nothing that can be taken back.") })]),
    ...(stays.length ? [el("section", { "aria-label": trans.__("Cannot be undone") }, el("h3", { text: trans.__("Cannot be undone") }), el("ul", {}, ...stays.map((text) => el("li", { text, dir: "auto" }))))] : []),
    forget.node,
    el("div.nwa-row", {}, undo, button(trans.__("Cancel"), () => dialog.close())),
  );
  dialog.classList.add("nwa-undo");
  undo.focus();
}

/** @param {string} text @param {boolean} checked */
function checkbox(text, checked) {
  const input = el("input", { type: "checkbox", checked });
  return { input, node: el("label", {}, input, el("span", { text, dir: "auto" })) };
}
