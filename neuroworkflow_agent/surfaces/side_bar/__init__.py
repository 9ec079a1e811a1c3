"""JupyterLab's side bar, as the kernel sees it: it carries messages between the page's comms and the panel's chat."""
