"""Jupyter's own test of kernels, for a chat kernel over subkernels of several languages."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

import jupyter_kernel_test
import pytest

from neuroworkflow_agent.surfaces.chat_kernel.install import install
from tests import kernelspecs
from tests.surfaces.chat_kernel.conftest import left_in

pytestmark = pytest.mark.kernel


class _Over(jupyter_kernel_test.KernelTests):  # type: ignore[misc]
    """With a chat kernel over one subkernel, installed for this class alone."""

    __test__ = False
    subkernel = ""
    kernel_name = "over"
    _environ: ClassVar[dict[str, str]] = {}
    _folder: ClassVar[str] = ""

    @classmethod
    def setUpClass(cls) -> None:
        cls._environ = dict(os.environ)
        cls._folder = tempfile.mkdtemp()
        home = Path(cls._folder)
        os.environ["JUPYTER_PATH"] = str(home / "share" / "jupyter")
        os.environ["JUPYTER_RUNTIME_DIR"] = str(home / "runtime")
        os.environ["IPYTHONDIR"] = str(home / "ipython")
        os.environ["TMPDIR"] = cls._folder
        cls.prepare(home / "share" / "jupyter" / "kernels")
        install(cls.subkernel, cls.kernel_name, prefix=str(home))
        super().setUpClass()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        left = left_in(Path(cls._folder))
        os.environ.clear()
        os.environ.update(cls._environ)
        shutil.rmtree(cls._folder)
        assert left == [], left

    @classmethod
    def prepare(cls, kernels: Path) -> None:
        """Have the subkernel's spec be found."""


class TestPython(_Over):
    __test__ = True
    subkernel = "python3"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples: ClassVar[list[dict[str, Any]]] = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples: ClassVar[list[str]] = ["1", "print('hi')", "def f(x):\n  return x*2\n\n\n"]
    incomplete_code_samples: ClassVar[list[str]] = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples: ClassVar[list[str]] = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "raise"
    code_execute_result: ClassVar[list[dict[str, str]]] = [
        {"code": "1+2+3", "result": "6"},
        {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"},
    ]
    code_display_data: ClassVar[list[dict[str, str]]] = [
        {
            "code": "from IPython.display import HTML, display; display(HTML('<b>test</b>'))",
            "mime": "text/html",
        },
    ]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search")  # ipykernel numbers the sessions of a range otherwise
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"


@pytest.mark.skipif(
    shutil.which("R") is None and not os.environ.get("CI"), reason="sudo apt install r-cran-irkernel"
)
class TestR(_Over):
    """IRkernel sends results as `display_data`, and keeps no history that can be asked for."""

    __test__ = True
    subkernel = "ir"
    language_name = "R"
    file_extension = ".r"
    code_hello_world = "cat('hello, world\\n')"
    code_stderr = "message('test')"
    completion_samples: ClassVar[list[dict[str, Any]]] = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples: ClassVar[list[str]] = ["1", "print('hi')", "f <- function(x) {x*2}"]
    incomplete_code_samples: ClassVar[list[str]] = ["print('hello", "f <- function(x) {\n  x*2"]
    invalid_code_samples: ClassVar[list[str]] = ["a <- 7q"]
    code_page_something = "?cat"
    code_generate_error = "stop('no')"
    code_display_data: ClassVar[list[dict[str, str]]] = [{"code": "1:3", "mime": "text/plain"}]
    code_inspect_sample = "print"


@pytest.mark.thorough
class TestBash(_Over):
    """bash_kernel knows neither results nor displays, and has no history."""

    __test__ = True
    subkernel = "bash"
    language_name = "bash"
    file_extension = ".sh"
    code_hello_world = "echo 'hello, world'"
    completion_samples: ClassVar[list[dict[str, Any]]] = [{"text": "tou", "matches": {"touch"}}]

    @classmethod
    def prepare(cls, kernels: Path) -> None:
        kernelspecs.bash(kernels)


@pytest.mark.thorough
class TestDeno(_Over):
    """Deno answers neither history nor `?`, writes what `console.error` says to stderr, and shows some displays only when it is idle again."""

    __test__ = True
    subkernel = "deno"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('test')"
    code_generate_error = "throw new Error('no')"
    code_execute_result: ClassVar[list[dict[str, str]]] = [{"code": "1 + 2"}]

    @classmethod
    def prepare(cls, kernels: Path) -> None:
        kernelspecs.deno(kernels)


@pytest.mark.thorough
class TestOctave(_Over):
    """octave_kernel has neither results nor displays of values, and the text of an error is on standard output, too."""

    __test__ = True
    subkernel = "octave"
    language_name = "octave"
    file_extension = ".m"
    code_hello_world = "disp('hello, world')"
    completion_samples: ClassVar[list[dict[str, Any]]] = [{"text": "one", "matches": {"ones"}}]

    @classmethod
    def prepare(cls, kernels: Path) -> None:
        kernelspecs.octave(kernels)
