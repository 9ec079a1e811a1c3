"""JupyterHub on one machine with the agent in every kernel and the gateway as the Hub's service.

Every line that matters is explained in docs/hub.md. Keep this file as it is and put what is yours beside it:

    load_subconfig("/srv/neuroworkflow/jupyterhub_config.py")
    c.JupyterHub.authenticator_class = …

The Messages API's key is in none of the Hub's variables: give the gateway a file that only it can read,
`NEUROWORKFLOW_GATEWAY_API_KEY_FILE`.
"""

import os
import sys

c = get_config()  # noqa: F821

GATEWAY = "neuroworkflow-gateway"
gateway_url = os.environ.get("NEUROWORKFLOW_BACKEND_URL", "http://127.0.0.1:8090")
gateway_port = gateway_url.rsplit(":", 1)[-1].strip("/")

# -- the gateway: started by the Hub, and not shown by its public proxy (no `url`) ------------------------

passed_on = ("NEUROWORKFLOW_GATEWAY_", "NEUROWORKFLOW_SERVICE_TOKEN")
gateway_environment = {name: value for name, value in os.environ.items() if name.startswith(passed_on)}
if os.geteuid() == 0:
    # It starts as root, reads the key that only root can read, and becomes this user.
    gateway_environment.setdefault("NEUROWORKFLOW_GATEWAY_RUN_AS", "neuroworkflow-gateway")
c.JupyterHub.services = [
    {
        "name": GATEWAY,
        "command": [sys.executable, "-m", "neuroworkflow_agent", "gateway", "--port", gateway_port],
        "environment": gateway_environment,
        "display": False,
    }
]

# -- who may use it: every user, from their own servers ---------------------------------------------------

USE_GATEWAY = f"access:services!service={GATEWAY}"
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", USE_GATEWAY]}]
# What the `server` role has, and the gateway. This is the token a kernel shows: JUPYTERHUB_API_TOKEN.
c.Spawner.server_token_scopes = ["users:activity!user", "access:servers!server", USE_GATEWAY]

# -- what kernels are told --------------------------------------------------------------------------------

c.Spawner.environment = {
    "NEUROWORKFLOW_BACKEND_URL": gateway_url,
    "NEUROWORKFLOW_WORKSPACE_ROOT": os.environ.get("NEUROWORKFLOW_WORKSPACE_ROOT", "~"),
}
# Skills that users read and only the administrator writes.
if skills_dir := os.environ.get("NEUROWORKFLOW_SKILLS_DIR"):
    c.Spawner.environment["NEUROWORKFLOW_SKILLS_DIR"] = skills_dir
c.Spawner.default_url = "/lab"


def give_user_token(spawner, auth_state):
    """Hand the user's own token to their kernels, for workflow tools; needs an authenticator that has one."""
    token = (auth_state or {}).get("access_token")
    if token:
        spawner.environment = {**spawner.environment, "NEUROWORKFLOW_USER_TOKEN": token}


if os.environ.get("NEUROWORKFLOW_GATEWAY_MCP_URL"):
    c.Spawner.auth_state_hook = give_user_token
