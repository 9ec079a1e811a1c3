// @ts-check
// What the page says, in the user's language where there is a translation: JupyterLab's in the side bar, none in a widget.

/**
 * @typedef {object} Translation As JupyterLab's translator hands it out.
 * @property {(text: string, ...values: any[]) => string} __ The translation of a text, with the values in the places of %1, %2, …
 */

/** @type {Translation} */
export const UNTRANSLATED = {
  __: (text, ...values) => text.replace(/%(\d+)/g, (place, number) => String(values[Number(number) - 1] ?? place)),
};
