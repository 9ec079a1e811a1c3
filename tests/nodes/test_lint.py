"""What makes a notebook's results doubtful: each rule on code that has it, and on code that only looks like it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer.testing import CliRunner

from neuroworkflow_agent.cli import app
from neuroworkflow_agent.errors import ConfigError
from neuroworkflow_agent.nodes.lint.report import lint_notebook
from neuroworkflow_agent.nodes.lint.text_numbers import numbers_in
from neuroworkflow_agent.nodes.source import Unreadable
from neuroworkflow_agent.surfaces.export.exporting import export

_NP, _PD = "import numpy as np\n", "import pandas as pd\n"
DOUBTFUL = {
    "NW801": [
        "accuracy = 0.93",
        "p_value = 0.003",
        "scores = [0.91, 0.87, 0.9]",
        "print('accuracy: 0.93')",
        "test_auc: float = .8",
    ],
    "NW803": [
        f"{_NP}x = np.random.normal(size=3)",
        f"{_NP}rng = np.random.default_rng()",
        "import random\nrandom.shuffle([1, 2])",
        "from random import choice\nchoice([1, 2])",
        f"{_NP}x = np.random.rand(3)\nnp.random.seed(1)",
        "import torch\nx = torch.randn(3)",
        "from sklearn.cluster import KMeans\nKMeans(3)",
        "from sklearn.model_selection import train_test_split as split\nsplit([1], [2])",
        f"{_PD}df = pd.DataFrame()\ndf.sample(n=3)",
        "from scipy import stats\nstats.norm.rvs(size=3)",
    ],
    "NW804": [
        f"{_PD}df = pd.read_csv('a.csv')",
        f"{_NP}spikes = np.load('a.npy')\nspikes_ms = [1]\nprint(spikes_ms)",
        "import json\nsettings = json.load(open('a.json'))",
    ],
    "NW805": [
        "try:\n    f()\nexcept:\n    pass",
        "try:\n    f()\nexcept Exception:\n    x = None",
        "def g():\n    try:\n        return f()\n    except (ValueError, Exception):\n        return []",
        "for i in x:\n    try:\n        f(i)\n    except Exception as e:\n        continue",
        "import contextlib\nwith contextlib.suppress(Exception):\n    f()",
    ],
}
FINE = [
    "accuracy = compute()",
    "score = 0\nfor x in y: score += x",
    "threshold_score = 0.5",
    "P_VALUE = 0.05",
    "best_score = -1",
    "result = 0.5\nresult = f(result)",
    "print(f'accuracy: {a}')",
    f"{_NP}np.random.seed(1)\nx = np.random.normal(size=3)",
    f"{_NP}rng = np.random.default_rng(3)\nrng.normal()",
    f"{_NP}r = np.random.RandomState(seed=4)",
    "import random\nrandom.seed(2)\nrandom.sample([1, 2], 1)",
    "import torch\ntorch.manual_seed(0)\nx = torch.randn(3)",
    "from sklearn.cluster import KMeans\nKMeans(3, random_state=0)",
    "from sklearn.cluster import KMeans\nKMeans(**options)",
    f"{_PD}df = pd.DataFrame()\ndf.sample(n=3, random_state=1)",
    "import random\nrandom.Random(7).random()",
    f"{_PD}df = pd.read_csv('a.csv')\ndf.head()",
    f"{_PD}df = pd.read_csv('a.csv')\n!echo $df",
    f"{_PD}_ = pd.read_csv('a.csv')",
    "try:\n    f()\nexcept KeyError:\n    pass",
    "try:\n    f()\nexcept Exception as error:\n    print(error)",
    "try:\n    f()\nexcept Exception:\n    x = None\n    raise",
    "%%chat\nwhy is accuracy = 0.93?",
]


def notebook(path: Path, *cells: object, **metadata: object) -> Path:
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), path)
    return path


@pytest.mark.parametrize(
    ("code", "source"), [(code, each) for code, all_ in DOUBTFUL.items() for each in all_]
)
def test_what_is_doubtful_is_found_once(code: str, source: str, tmp_path: Path) -> None:
    found = lint_notebook(notebook(tmp_path / "a.ipynb", new_code_cell(source))).findings
    assert [finding.code for finding in found] == [code], found


@pytest.mark.parametrize("source", FINE)
def test_what_only_looks_so_is_not(source: str, tmp_path: Path) -> None:
    assert lint_notebook(notebook(tmp_path / "a.ipynb", new_code_cell(source))).findings == []


def test_prompt_of_a_chat_kernel_is_no_code(tmp_path: Path) -> None:
    marked = new_code_cell("why is accuracy = 0.93?", metadata={"neuroworkflow_agent": {"prompt": True}})
    path = notebook(tmp_path / "a.ipynb", marked, new_code_cell("accuracy = 0.93"))
    assert [finding.message.partition(":")[0] for finding in lint_notebook(path).findings] == [
        "Code cell 2, line 1"
    ]


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.ipynb")
    with pytest.raises(Unreadable) as refused:
        lint_notebook(tmp_path / "a.ipynb")
    assert "not a regular file" in refused.value.finding.text
    with pytest.raises(ConfigError, match="not a regular file"):
        export(tmp_path / "a.ipynb", "paper", None, hide=str)


def ran(source: str, text: str) -> Any:
    return new_code_cell(source, execution_count=1, outputs=[new_output("stream", text=text)])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The mean rate was 4.37 Hz.", []),
        ("The mean rate was 4.4 Hz, or 4.370 Hz.", []),
        ("It rose by 43.7 %, from 0.4.", []),
        ("It took 2.5 ms.", []),
        ("A rate of 5.12 Hz in 12.5% of cells.", ["5.12", "12.5"]),
        ("## 2.1 Methods\n\nSee Fig. 3.2, Table 1.5, version 3.11, [12] and `x = 9.99`.", []),
        ("$a = 1.23$ and https://doi.org/10.1038/s41586-020-2649-2, 10.1038/nn.1234", []),
        ("In 2019, 17 of 23 animals.", []),
        ("\u221265.25 mV", ["\u221265.25"]),
    ],
)
def test_numbers_of_the_text_that_no_cell_computes(text: str, told: list[str], tmp_path: Path) -> None:
    computed = ran("x = 0.437\nt_s = 0.0025", "4.3701 0.4369\n")
    path = notebook(
        tmp_path / "a.ipynb", computed, new_markdown_cell("Nothing here."), new_markdown_cell(text)
    )
    found = lint_notebook(path).findings
    assert [finding.code for finding in found] == ["NW802"] * len(told)
    for finding, number in zip(sorted(found, key=lambda f: f.column), told, strict=True):
        assert f"Text cell 2, line 1: no cell computes {number}" in finding.message
        line = path.read_text(encoding="utf-8").splitlines()[finding.line - 1]
        assert line[finding.column - 1 :].startswith((number, json.dumps(number)[1:-1]))


@pytest.mark.parametrize("begun", ["<a ", "](", "` ", "[1 ", "$"])
def test_text_that_leaves_much_open_is_read_in_time(begun: str) -> None:
    since = time.monotonic()
    list(numbers_in(begun * (200_000 // len(begun))))
    assert time.monotonic() - since < 10


def test_a_notebook_that_was_not_run_says_nothing_of_its_numbers(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", new_code_cell("x = f()"), new_markdown_cell("It is 5.12."))
    assert lint_notebook(path).findings == []


def test_finding_names_cell_and_line_and_points_into_the_file(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "a.ipynb",
        new_code_cell("x = 1"),
        new_markdown_cell("# A"),
        new_code_cell("y = 2\naccuracy = 0.5"),
    )
    (found,) = lint_notebook(path).findings
    assert found.message == "Code cell 2, line 2: 'accuracy' is given a number that no code here computes."
    assert "accuracy" in path.read_text().splitlines()[found.line - 1]


def test_a_cell_that_python_cannot_read_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    sources = (
        "import numpy as np\naccuracy = 0.93",
        "please plot\nthe rates",
        "x = np.random.rand()",
        "for a in\n",
        "p = f(",
        "score = 0.5",
    )
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    report = lint_notebook(path)
    # Whether random numbers have a seed, or data is used, may stand in what cannot be read.
    assert [(each.code, each.message.partition(":")[0]) for each in report.findings] == [
        ("NW801", "Code cell 1, line 2"),
        ("NW004", "Code cell 2, line 1"),
        ("NW004", "Code cell 4, line 1"),
        ("NW004", "Code cell 5, line 1"),
        ("NW801", "Code cell 6, line 1"),
    ]
    assert report.summary == "6 cells: 3 errors, 2 warnings"
    assert all("0.93" in path.read_text().split("\n")[each.line - 1] for each in report.findings[:1])


def test_comment_with_a_reason_silences(tmp_path: Path) -> None:
    source = "accuracy = 0.93  # noqa: NW801 - of the published model"
    report = lint_notebook(notebook(tmp_path / "a.ipynb", new_code_cell(source)))
    assert (report.findings, report.silenced) == ([], 1)
    assert report.summary == "1 cell: 0 errors, 0 warnings, 1 silenced"


def test_another_language_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", new_code_cell("x <- 1"), language_info={"name": "R"})
    with pytest.raises(ConfigError, match="is written in R; only Python can be looked at"):
        lint_notebook(path)


def test_command(tmp_path: Path) -> None:
    path = notebook(tmp_path / "a.ipynb", new_code_cell("accuracy = 0.93"))
    plain = CliRunner().invoke(app, ["lint", str(path)])
    assert (plain.exit_code, "warning NW801 Code cell 1, line 1:" in plain.output) == (0, True)
    assert "1 cell: 0 errors, 1 warning" in plain.output
    assert CliRunner().invoke(app, ["lint", str(path), "--strict"]).exit_code == 1
    said = json.loads(CliRunner().invoke(app, ["lint", str(path), "--json"]).stdout)
    assert (said["cells"], said["findings"][0]["code"], said["findings"][0]["title"]) == (
        1, "NW801", "A result is written down",
    )  # fmt: skip
    path.write_text("{")
    assert CliRunner().invoke(app, ["lint", str(path)]).exit_code == 1


def test_metadata_of_another_shape_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "odd.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), path)
    said = json.loads(path.read_text())
    said["metadata"] = {"kernelspec": "x", "language_info": ["y"]}
    path.write_text(json.dumps(said))
    assert lint_notebook(path).findings == []
