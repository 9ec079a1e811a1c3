// @ts-check
// What the user, or an administrator, has set for the side bar in JupyterLab's settings.

/** @import { Setting } from "@jupyterlab/services" */

/**
 * @typedef {{model: string, mode: string, cells: boolean, variables: boolean, insert: "below" | "end", locked: string[]}} Preferences
 */

const ID = "neuroworkflow-agent:side-bar";

/** @type {Preferences} */
export const UNSET = { model: "", mode: "", cells: true, variables: true, insert: "below", locked: [] };

/**
 * As they are now. What an administrator has locked has the value that they gave it, in `overrides.json`, whatever the user set.
 * @param {Setting.IManager} settings @returns {Promise<Preferences>}
 */
export async function readPreferences(settings) {
  const found = /** @type {any} */ (await settings.fetch(ID));
  const given = Object.entries(/** @type {Record<string, any>} */ (found.schema?.properties ?? {})).map(([name, { default: value }]) => [name, value]);
  const byDefault = { ...UNSET, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
  const { locked } = byDefault;
  const chosen = Object.entries(found.settings ?? {}).filter(([name]) => name in UNSET && name !== "locked" && !locked.includes(name));
  return { ...byDefault, ...Object.fromEntries(chosen) };
}
