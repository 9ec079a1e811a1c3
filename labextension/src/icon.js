// @ts-check
// The agent's icon, in the colours of the theme.

import { LabIcon } from "@jupyterlab/ui-components";

export const agentIcon = new LabIcon({
  name: "neuroworkflow-agent:agent",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161"><path d="M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm0 2v10h5v2l2.500-2H20V6z"/><circle cx="8" cy="9" r="1.500"/><circle cx="16" cy="9" r="1.500"/><circle cx="12" cy="13" r="1.500"/><path d="M8 8.500 12 12.300 16 8.500l.700.700L12 14 7.300 9.200z"/></g></svg>`,
});

/** @param {string} name @param {string} path */
function drawn(name, path) {
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><path class="jp-icon3" fill="#616161" d="${path}"/></svg>`;
  return new LabIcon({ name: `neuroworkflow-agent:${name}`, svgstr });
}

export const explainIcon = drawn("explain", "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16zm-1 12h2v2h-2zm1-10a4 4 0 0 0-4 4h2a2 2 0 1 1 3.200 1.600C12.200 12.300 11 13.200 11 15h2c0-1 .700-1.500 1.500-2.100A4 4 0 0 0 12 6z");
export const fixIcon = drawn("fix", "M21 7.200a5.500 5.500 0 0 1-7.400 5.800L6.500 20.100a1.900 1.900 0 0 1-2.700-2.700L11 10.300A5.500 5.500 0 0 1 16.800 3L14 5.800l.700 3.500 3.500.700z");
export const useIcon = drawn("use", "M4 4h9v2H6v12h12v-7h2v9H4zm11 0h5v5h-2V7.400l-7.300 7.300-1.400-1.400L16.600 6H15z");
