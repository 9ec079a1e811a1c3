"""Programs that tests need: where one is missing, CI fails and everywhere else the test is skipped."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def program(*names: str, install: str) -> str:
    """The path of the first of these programs that is here.

    Parameters
    ----------
    names
        What it may be called.
    install
        What to do where there is none, such as ``sudo apt install chromium``.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = next((at for name in names if (at := shutil.which(name, path=path))), None)
    return found or missing(names[0], install=install)


def module(name: str, *, install: str) -> None:
    """See that Python has a module."""
    if importlib.util.find_spec(name) is None:
        missing(name, install=install)


def missing(what: str, *, install: str) -> NoReturn:
    """Fail under CI, where `scripts/test` has installed everything; skip elsewhere and say what to install."""
    says = f"{what} is not here: {install}"
    if os.environ.get("CI"):
        pytest.fail(says, pytrace=False)
    pytest.skip(says)
