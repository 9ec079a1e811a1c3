"""As whom the gateway runs. It owns nothing; what it changes holds for the whole process, to its end."""

from __future__ import annotations

import os
import pwd

from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.gateway.settings import PREFIX, GatewaySettings

_SETTING = f"{PREFIX}RUN_AS"
_OWN_PLACES = ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")


def take_user(settings: GatewaySettings) -> None:
    """Become the user that the settings name, for good; to be called when everything secret has been read.

    A Hub that runs as root starts its services as root, too, if it is not told another user. The gateway needs
    none of root's rights but to read the key.

    Raises
    ------
    ConfigError
        If it would serve a Hub as root, or cannot become that user.
    """
    name = settings.run_as
    if name is None:
        if os.geteuid() == 0 and settings.is_managed:
            raise ConfigError(
                f"The gateway does not serve a JupyterHub as root. Set {_SETTING} to a user of its own, whom it becomes "
                "once it has read the key: useradd --system --create-home neuroworkflow-gateway."
            )
        return
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(
            f"{_SETTING} names {name!r}, and there is no such user here: useradd --system --create-home {name}."
        ) from None
    if user.pw_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        raise ConfigError(f"Only root can become {name!r}. Unset {_SETTING}, or start the gateway as {name}.")
    _become(user)


def _become(user: pwd.struct_passwd) -> None:
    """Groups go first: who is no longer root cannot change them."""
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"], os.environ["USER"] = user.pw_dir, user.pw_name
    for name in _OWN_PLACES:
        os.environ.pop(name, None)
