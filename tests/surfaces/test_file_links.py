"""A link to a file that was changed leads where the notebook's server shows it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuroworkflow_agent.surfaces.file_links import FileLinks


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("nodes/model.py", "model.py"),
        ("nodes/deep/a b#1?.py", "deep/a%20b%231%3F.py"),
        ("nodes/javascript:x.py", "javascript%3Ax.py"),
        ("other/model.py", ""),  # how far up the server's root is, nobody says
        ("nodes/.env", ""),
        ("nodes/deep/.git/config", ""),
        ("nodes/out/model.py", ""),
        ("/etc/passwd", ""),
    ],
)
def test_link_is_from_the_notebook(path: str, link: str, tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "out").symlink_to("/")
    (tmp_path / "there").symlink_to(tmp_path / "nodes")
    for notebook in (tmp_path / "nodes" / "flow.ipynb", tmp_path / "there" / "flow.ipynb"):
        assert FileLinks(str(notebook), tmp_path).link_to(path) == link


@pytest.mark.parametrize("notebook", ["", "flow.ipynb", "8f1c-console"])
def test_without_a_notebook_there_is_no_link(notebook: str, tmp_path: Path) -> None:
    assert FileLinks(notebook, tmp_path).link_to("model.py") == ""
