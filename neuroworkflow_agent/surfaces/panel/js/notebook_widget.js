// @ts-check
// A widget without a view, by which the kernel gets at the notebook that a page shows: the way in for anywidget.

import { NotebookPage } from "./notebook.js";
import { contextOf } from "./notebook_context.js";

export default {
  /** @param {{model: any}} given */
  initialize({ model }) {
    const page = new NotebookPage({
      send: (message) => model.send(message),
      receive: (listener) => {
        const onMessage = (/** @type {any} */ message) => listener(message);
        model.on("msg:custom", onMessage);
        return () => model.off("msg:custom", onMessage);
      },
      context: () => contextOf(model),
    });
    return () => page.close();
  },
};
