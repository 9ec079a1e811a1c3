"""Saving a notebook of 1,000 cells, against nbformat alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from benchmarks.rows import Row, in_turn, median_ms
from neuroworkflow_agent.notebooks.file import NotebookFile


def rows() -> list[Row]:
    """Median of ten saves each."""
    output = new_output("stream", name="stdout", text="spike\n" * 50)
    notebook = new_notebook(cells=[new_code_cell(f"x = {n}\n" * 10, outputs=[output]) for n in range(1000)])
    with tempfile.TemporaryDirectory() as directory:
        ours, theirs = Path(directory) / "ours.ipynb", Path(directory) / "theirs.ipynb"
        nbformat.write(notebook, ours)
        file = NotebookFile.open(ours)
        plain, atomic = in_turn(10, lambda: nbformat.write(file.notebook, theirs), file.save)
    ratio = median_ms(atomic) / median_ms(plain)
    value = f"{median_ms(atomic):.0f} ms, nbformat {median_ms(plain):.0f} ms, ratio {ratio:.2f}"
    return [Row("headless save, 1,000 cells", value, "<= 1.3x nbformat", ratio <= 1.3)]
