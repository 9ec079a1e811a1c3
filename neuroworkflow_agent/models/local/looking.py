"""The first look into a file that a request names: a small model cannot know what is in it, and guesses. Pure."""

from __future__ import annotations

_MARK = "# what is in the file"
_LOOKS = {
    ("csv",): "print(pd.read_csv({file!r}, nrows=3).to_string())",
    ("tsv",): "print(pd.read_csv({file!r}, sep='\\t', nrows=3).to_string())",
    ("npz",): "print({{name: (array.shape, str(array.dtype)) for name, array in np.load({file!r}).items()}})",
    ("npy",): "print(np.load({file!r}).shape, np.load({file!r}).dtype)",
    ("json", "txt", "yaml", "yml"): "print(Path({file!r}).read_text()[:600])",
}
NEXT = "That is the beginning of the file. Now write the code for my request, with the names as the file has them."


def first_look(file: str) -> str:
    """Code that shows the beginning of a file; empty for a kind of file that it cannot show."""
    ending = file.rpartition(".")[2].casefold()
    code = next((code for endings, code in _LOOKS.items() if ending in endings), "")
    return f"{_MARK}\n{code.format(file=file)}" if code else ""


def is_look(code: str) -> bool:
    """Whether code is such a look, and so no answer."""
    return _MARK in code
