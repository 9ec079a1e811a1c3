"""Which session a notebook had last."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neuroworkflow_agent.surfaces.side_bar.remembered import NotebookKey, remember, remembered


@pytest.mark.parametrize("path", ["a.ipynb", "ünï.ipynb", "odd \ud800.ipynb"])
def test_a_notebook_finds_its_session_again_whatever_its_name(path: str, workspace: Path) -> None:
    notebook = NotebookKey(path, ("one", "two"))
    remember(notebook, "s1", workspace)
    assert remembered(notebook, workspace) == "s1"
    assert remembered(NotebookKey(path, ("two", "three")), workspace) == "s1"
    assert remembered(NotebookKey(path, ("other",)), workspace) is None
    assert remembered(notebook, workspace / os.fsdecode(b"w\xe4")) is None
    remember(notebook, None, workspace)
    assert remembered(notebook, workspace) is None
