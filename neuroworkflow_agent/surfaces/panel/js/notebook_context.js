// @ts-check
// The way from a widget to the notebook of its page; anywidget and JupyterLab promise none of it.

/** The document that this page shows; null where there is none to get at. @param {any} model @returns {any} */
function contextOf(model) {
  const context = model.widget_manager?.context;
  return context?.model?.sharedModel?.cells && context.model.cells ? context : null;
}
