// @ts-check
// The way from a page of Jupyter's to its notebook and its files; JupyterLab promises none of it.

/** The document that a widget's page shows; null where there is none to get at. @param {any} model @returns {any} */
export function contextOf(model) {
  return usable(model.widget_manager?.context);
}

/** A document's context, if cells can be got at in it; else null. @param {any} context @returns {any} */
export function usable(context) {
  return context?.model?.sharedModel?.cells && context.model.cells ? context : null;
}

/**
 * Have a link open a file as links in cells do: in JupyterLab in its editor, in Notebook as text.
 * @param {any} rendermime The notebook's. @param {HTMLAnchorElement} anchor @param {string} link From the notebook, quoted.
 * @returns {Promise<boolean>} Whether the page can.
 */
export async function connectLink(rendermime, anchor, link) {
  const { linkHandler, resolver } = rendermime ?? {};
  if (!linkHandler || !resolver) return false;
  const path = await resolver.resolveUrl(link);
  linkHandler.handleLink(anchor, decodeURIComponent(path), "");
  anchor.href = await resolver.getDownloadUrl(path);
  return true;
}
