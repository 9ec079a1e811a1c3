"""A real JupyterHub for the tests of this directory: two users, a scripted upstream, a gateway that holds a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from neuroworkflow_agent.testing import ScriptedModel
from neuroworkflow_agent.testing.jupyterhub import Hub, find_proxy
from neuroworkflow_agent.testing.real_kernel import SomeonesKernel
from tests import needs

REAL_KEY = "sk-ant-the-hubs-real-key-0001"
PASSWORD = "the users' password"
CONFIG = Path(__file__).parents[2] / "deploy" / "jupyterhub_config.py"


@dataclass
class OnAHub:
    """The Hub and what is behind it."""

    hub: Hub
    model: ScriptedModel


@pytest.fixture(scope="module")
def on_a_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnAHub]:
    """A Hub where alice and bob have servers."""
    if find_proxy() is None:
        needs.missing("JupyterHub's proxy", install="scripts/install-hub-proxy, with npm")
    # Not below pytest's own directory: paths there are too long for the kernels' sockets.
    home = tmp_path_factory.mktemp("hub")
    key = home / "key"
    key.touch(0o600)
    key.write_text(REAL_KEY)
    with ScriptedModel(api_key=REAL_KEY) as model:
        environ = {
            "NEUROWORKFLOW_GATEWAY_API_KEY_FILE": str(key),
            "NEUROWORKFLOW_GATEWAY_UPSTREAM_URL": model.base_url,
            "NEUROWORKFLOW_GATEWAY_USER_TOKENS_PER_DAY": "1000",
            "NEUROWORKFLOW_GATEWAY_HUB_CACHE_S": "1",
        }
        hub = Hub(home / "hub", CONFIG, environ, password=PASSWORD)
        key.unlink()  # from here on it is in the gateway's memory only
        try:
            for user in ("alice", "bob"):
                hub.start_server(user)
            yield OnAHub(hub, model)
        finally:
            hub.close()


@pytest.fixture
def hub(on_a_hub: OnAHub) -> Hub:
    return on_a_hub.hub


@pytest.fixture
def model(on_a_hub: OnAHub) -> Iterator[ScriptedModel]:
    yield on_a_hub.model
    on_a_hub.model.forget()


@pytest.fixture
def kernels(hub: Hub) -> Iterator[dict[str, SomeonesKernel]]:
    """A kernel of each user, with the extension loaded."""
    found = {user: SomeonesKernel(hub.start_kernel(user)) for user in ("alice", "bob")}
    for kernel in found.values():
        assert kernel.run("%load_ext neuroworkflow_agent").status == "ok"
    yield found
    for kernel in found.values():
        kernel.close()
    for user in found:
        hub.end_kernels(user)
