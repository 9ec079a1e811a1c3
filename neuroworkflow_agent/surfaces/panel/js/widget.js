// @ts-check
// A chat in a cell's output: the way in for anywidget, over the widget's own comm.

import { el } from "./dom.js";
import { connectLink, contextOf } from "./notebook_context.js";
import { PanelNotebook } from "./notebook_page.js";
import { PanelView } from "./panel.js";
import { Store } from "./store.js";
import { UNTRANSLATED } from "./translation.js";

/** @import { Transport } from "./transport.js" */

const LOST = "The kernel has ended, and this panel with it. Run the cell again and choose this session under Sessions, or use ChatPanel(resume=\"\").";

/**
 * A widget's model as a transport.
 * @param {any} model @returns {Transport}
 */
function widgetTransport(model) {
  return {
    get name() {
      return model.get("panel_id");
    },
    trans: UNTRANSLATED,
    lost: LOST,
    send: (message, buffers) => model.send(message, undefined, buffers),
    receive: (listener) => subscribe(model, "msg:custom", listener),
    onLife: (listener) => subscribe(model, "comm_live_update", () => listener()),
    isAlive: async () => {
      const manager = model.widget_manager;
      const id = model.get("panel_id");
      if (!manager?.get_model || !id) return true; // there is no telling
      try {
        return (await manager.get_model(id)).comm_live !== false;
      } catch {
        return false;
      }
    },
    interrupt: () => {
      const kernel = model.widget_manager?.kernel;
      kernel?.interrupt?.();
      return Boolean(kernel?.interrupt);
    },
    connect: (anchor, link) => connectLink(model.widget_manager?.rendermime, anchor, link),
  };
}

/** @param {any} model @param {string} name @param {(...given: any[]) => void} listener @returns {() => void} */
function subscribe(model, name, listener) {
  const each = (/** @type {any[]} */ ...given) => listener(...given);
  model.on(name, each);
  return () => model.off(name, each);
}

/**
 * The notebook's widget and the id of the cell that holds a panel, by the way up from one of the panel's views.
 * @param {any} model @returns {Promise<{widget: any, own: string} | null>}
 */
async function widgetAround(model) {
  const context = contextOf(model);
  if (!context) return null;
  const { views } = await model.widget_manager.get_model(model.get("panel_id"));
  for (const view of await Promise.all(Object.values(views ?? {}))) {
    let own = "";
    for (let at = /** @type {any} */ (view).luminoWidget; at; at = at.parent) {
      if (at.inputArea && at.model?.sharedModel) own = at.model.sharedModel.getId();
      if (at.activeCellChanged && at.model?.sharedModel === context.model.sharedModel) return { widget: at, own };
    }
  }
  return null;
}

/** Hide the transcript that is saved for pages where the panel does not live. @param {any} model @returns {() => void} */
function hideSaved(model) {
  const rule = el("style");
  const draw = () => {
    rule.textContent = `.nwa-saved-${model.get("panel_id")} { display: none }`;
  };
  document.head.append(rule);
  const end = subscribe(model, "change:panel_id", draw);
  draw();
  return () => {
    end();
    rule.remove();
  };
}

/** In an output view of its own a panel has all of it; the page attaches it some frames later. @param {PanelView} view @param {number} tries */
function fillView(view, tries = 100) {
  if (!view.node.isConnected) {
    if (tries > 0) requestAnimationFrame(() => fillView(view, tries - 1));
    return;
  }
  const around = view.node.closest(".jp-LinkedOutputView");
  if (!around) return;
  view.node.classList.add("nwa-full");
  for (let at = view.node.parentElement; at && at !== around; at = at.parentElement) at.style.height = "100%";
  view.toEnd();
}

/** @type {Map<any, Store>} */
const stores = new Map();

export default {
  /** @param {{model: any}} given */
  initialize({ model }) {
    const notebook = new PanelNotebook({ trans: UNTRANSLATED, context: () => contextOf(model), around: () => widgetAround(model) });
    const store = new Store(widgetTransport(model), notebook);
    const showSaved = hideSaved(model);
    stores.set(model, store);
    return () => {
      stores.delete(model);
      showSaved();
      store.close();
    };
  },

  /** @param {{model: any, el: HTMLElement}} given */
  render({ model, el: place }) {
    // A module serves one widget; its model comes in another wrapping to each call.
    const store = stores.get(model) ?? [...stores.values()][0];
    const view = new PanelView(store);
    place.append(view.node);
    view.toEnd();
    fillView(view);
    store.notebook.follow();
    return () => view.close();
  },
};
