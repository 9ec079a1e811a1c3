// @ts-check
// The agent's icon, in the colours of the theme.

import { LabIcon } from "@jupyterlab/ui-components";

export const agentIcon = new LabIcon({
  name: "neuroworkflow-agent:agent",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161"><path d="M4 4h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm0 2v10h5v2l2.500-2H20V6z"/><circle cx="8" cy="9" r="1.500"/><circle cx="16" cy="9" r="1.500"/><circle cx="12" cy="13" r="1.500"/><path d="M8 8.500 12 12.300 16 8.500l.700.700L12 14 7.300 9.200z"/></g></svg>`,
});
