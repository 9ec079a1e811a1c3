"""`login`, `logout` and what is signed in with, as a person meets them on a terminal, in a cell and in a run."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_notebook

from neuroworkflow_agent.config import AgentConfig
from neuroworkflow_agent.credentials import SignIn, keep, sign_in_file, stored_sign_in
from neuroworkflow_agent.engine.portal import Portal
from neuroworkflow_agent.engine.session import Session
from neuroworkflow_agent.models.endpoint import NoEndpointError
from neuroworkflow_agent.surfaces.chat import Chat
from neuroworkflow_agent.testing import Reply, ScriptedModel
from neuroworkflow_agent.testing.real_kernel import RealKernel
from tests import needs

COMMAND = [sys.executable, "-m", "neuroworkflow_agent"]
IN_TERMINAL = """\
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))  # the terminal is this session's own, so that Ctrl-C is a signal
os.execv(sys.executable, [sys.executable, "-m", "neuroworkflow_agent", *sys.argv[1:]])
"""
TIMEOUT_S = 60.0

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def no_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own is left alone, in other processes, too."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """A model that no variable leads to."""
    with ScriptedModel() as model:
        yield model


def call(*arguments: str, given: str = "", **environ: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


class Terminal:
    """A terminal with a command in it."""

    def __init__(self, *arguments: str) -> None:
        self.leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_TERMINAL, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        os.close(follower)
        self.screen = ""

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.screen:
            assert time.monotonic() < deadline, self.screen
            if select.select([self.leader], [], [], 0.1)[0]:
                try:
                    self.screen += os.read(self.leader, 4096).decode(errors="replace")
                except OSError:  # Linux: its last user is gone
                    assert text in self.screen, self.screen

    def type(self, text: str) -> None:
        os.write(self.leader, text.encode())

    def end(self) -> int:
        code = self.process.wait(TIMEOUT_S)
        try:
            while select.select([self.leader], [], [], 0.2)[0]:
                self.screen += os.read(self.leader, 4096).decode(errors="replace")
        except OSError:
            pass
        os.close(self.leader)
        return code


def test_key_is_asked_for_without_echo_and_serves_from_then_on(model: ScriptedModel) -> None:
    terminal = Terminal("login", "--url", model.base_url)
    terminal.wait_for("Number [1]: ")
    assert "2  OpenAI" in terminal.screen
    terminal.type("1\n")
    terminal.wait_for("(not shown): ")
    terminal.type(f"  {model.api_key} \n")
    assert terminal.end() == 0
    assert model.api_key not in terminal.screen
    assert f"You are signed in to {model.base_url}." in terminal.screen
    kept = stored_sign_in()
    assert kept == SignIn("anthropic", model.base_url, model.api_key)
    assert call("login", "--status")[:2] == (
        0,
        f"Signed in to {model.base_url} (anthropic), kept in {sign_in_file()}.\n",
    )
    code, said, _ = call("doctor")
    assert code == 0
    assert f"ok  sign-in: Signed in to {model.base_url}" in said
    assert "because you are signed in; HTTP 200" in said
    assert model.api_key not in said
    assert call("logout")[:2] == (0, "You are signed out: the key is removed.\n")
    assert call("logout")[:2] == (0, "You were not signed in.\n")
    code, said, _ = call("login", "--status")
    assert (code, "neuroworkflow-agent login" in said) == (1, True)


@pytest.mark.parametrize("typed", ["\x03", "half-a-key\x03"])
def test_interrupted_it_keeps_nothing(typed: str, model: ScriptedModel) -> None:
    terminal = Terminal("login", "anthropic", "--url", model.base_url)
    terminal.wait_for("(not shown): ")
    terminal.type(typed)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.screen
    assert "half" not in terminal.screen
    path = sign_in_file()
    assert path is not None
    assert not path.parent.exists()


def test_key_pasted_with_more_lines_shows_none_of_them(model: ScriptedModel) -> None:
    terminal = Terminal("login", "anthropic", "--url", model.base_url)
    terminal.wait_for("(not shown): ")
    terminal.type(f"{model.api_key[:12]}\n{model.api_key[12:]}\n")
    assert terminal.end() == 2
    assert "refused the key (HTTP 401: invalid x-api-key), so nothing is kept." in terminal.screen
    assert model.api_key[:12] not in terminal.screen
    assert model.api_key[12:] not in terminal.screen
    assert stored_sign_in() is None


def test_without_a_terminal_the_key_is_read_from_standard_input(model: ScriptedModel) -> None:
    code, out, err = call("login", "anthropic", "--url", model.base_url, given=f"{model.api_key}\n")
    assert (code, err) == (0, "")
    assert model.api_key not in out
    assert stored_sign_in() == SignIn("anthropic", model.base_url, model.api_key)


@pytest.mark.parametrize(
    ("arguments", "given", "environ", "says"),
    [
        ((), "", {}, "There is no terminal to ask on. Say who takes the key"),
        (("gateway",), "", {}, "There is no terminal to ask on. Give its address"),
        (("anthropic",), "", {}, "No key was given"),
        (("anthropic", "--url", "http://127.0.0.1:1"), "key-0000", {}, "does not answer (Connection refused)"),
        (("anthropic",), "key-0000", {"NEUROWORKFLOW_BACKEND_URL": "http://hub"}, "gateway at http://hub serves here"),
        (("anthropic",), "key-0000", {"XDG_CONFIG_HOME": "/dev/null"}, "cannot be written"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_nothing_is_kept(
    arguments: tuple[str, ...], given: str, environ: dict[str, str], says: str
) -> None:
    code, out, err = call("login", *arguments, given=given, **environ)
    assert (code, out) == (2, "")
    assert says in err
    assert "key-0000" not in err
    assert stored_sign_in() is None


def test_key_as_an_argument_is_refused_and_not_repeated() -> None:
    code, _out, err = call("login", "sk-ant-my-key")
    assert code == 2
    assert "A key is no argument" in err
    assert "sk-ant-my-key" not in err


def test_unchecked_it_is_kept_and_status_says_what_goes_first() -> None:
    code, out, _ = call(
        "login", "anthropic", "--url", "http://127.0.0.1:1", "--unchecked",
        given="key-0000", ANTHROPIC_API_KEY="another-key-0000",
    )  # fmt: skip
    assert code == 0
    assert "It is not used now: ANTHROPIC_API_KEY is set, and that goes first." in out
    assert call("logout")[0] == 0
    code, out, _ = call("login", "--status", ANTHROPIC_API_KEY="another-key-0000")
    assert (code, out) == (0, "ANTHROPIC_API_KEY is set, and serves. Nothing is kept by 'login'.\n")


# -- what it serves -----------------------------------------------------------------------------------------


def test_run_uses_it_and_writes_it_nowhere(model: ScriptedModel, workspace: Path, tmp_path: Path) -> None:
    keep(SignIn("anthropic", model.base_url, model.api_key))
    path = workspace / "a.ipynb"
    nbformat.write(new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "P"}}), path)
    code = f"print(open({str(sign_in_file())!r}).read())\nimport os; print('environ', dict(os.environ))"
    model.extend(Reply.code(code), Reply.text("ok"))
    done = call("run", str(path), "leak it")
    assert done[0] == 0, done
    outputs = str(nbformat.read(path, as_version=4).cells)
    assert '"key": "[redacted]"' in outputs.replace("\\", "")
    assert "environ" in outputs
    assert model.requests[-1].headers["x-api-key"] == model.api_key
    assert model.api_key not in path.read_text() + str(done) + str([r.body for r in model.requests])
    kept = [each for each in Path(os.environ["XDG_STATE_HOME"]).parent.rglob("*") if each.is_file()]
    assert len(kept) > 2
    assert [each for each in kept if model.api_key.encode() in each.read_bytes()] == [sign_in_file()]


def test_who_signs_in_need_not_restart_the_kernel(
    model: ScriptedModel, start_kernel: Callable[[], RealKernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    monkeypatch.setenv("ANTHROPIC_MODEL", "claude-x")
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    assert "neuroworkflow-agent login" in kernel.run("%chat hi").text
    keep(SignIn("anthropic", model.base_url, model.api_key))
    model.extend(
        Reply.text("Here I am."),
        Reply.code("import os; 'ANTHROPIC_API_KEY' in os.environ"),
        Reply.text("No."),
    )
    assert "Here I am." in kernel.run("%chat hi").text
    assert "False" in kernel.run("%chat is the key in my environment?").text


def test_key_that_is_refused_later_is_renewed_within_the_session(
    model: ScriptedModel, start_kernel: Callable[[], RealKernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    keep(SignIn("anthropic", model.base_url, model.api_key))
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    model.extend(Reply.text("First."), Reply.text("Never."))
    assert "First." in kernel.run("%chat one").text
    model.api_key = "the-next-key-0000"
    kernel.run("%chat --mode plan")  # so that another process asks, as after an hour
    refused = kernel.run("%chat two").text
    assert (
        "refused the key you signed in with (HTTP 401). Sign in again: neuroworkflow-agent login." in refused
    )
    keep(SignIn("anthropic", model.base_url, model.api_key))
    model.forget()
    model.extend(Reply.text("Third."))
    assert "Third." in kernel.run("%chat three").text
    assert "one" in str(model.requests[-1].body["messages"])


def test_resumed_session_goes_on_with_what_was_signed_in_with_meanwhile(
    model: ScriptedModel, workspace: Path, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_MODEL", "claude-x")
    model.extend(Reply.text("First."), Reply.text("Second."))
    kept = SignIn("anthropic", model.base_url, model.api_key)
    with Session(AgentConfig.from_env(sign_in=kept, workspace=workspace), portal=portal) as session:
        session.run("one")
    with Chat(AgentConfig.from_env(workspace=workspace), portal=portal, follows_environment=True) as chat:
        with pytest.raises(NoEndpointError):
            chat.select(resume=session.session_id, keep_wish=True)
        keep(kept)
        assert chat.send("two").result(TIMEOUT_S).end == "complete"
        assert "one" in str(model.requests[-1].body)
        with ScriptedModel([Reply.text("Third.")], api_key="another-key-0000") as other:
            chat.use_sign_in(keep(SignIn("anthropic", other.base_url, other.api_key)))
            assert chat.send("three").result(TIMEOUT_S).end == "complete"
            assert "one" in str(other.requests[-1].body)
        assert chat.session_id == session.session_id
        assert {model.api_key, other.api_key} <= chat.secrets


def test_variable_that_is_set_later_goes_first(
    model: ScriptedModel, start_kernel: Callable[[], RealKernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(SignIn("anthropic", "http://127.0.0.1:9", "another-key-0000"))
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    kernel = start_kernel()
    kernel.run("%load_ext neuroworkflow_agent")
    kernel.run(f"import os; os.environ.update({model.environ!r})")
    model.extend(Reply.text("Here I am."))
    assert "Here I am." in kernel.run("%chat hi").text
    assert "another-key-0000" not in str(model.requests)


# -- the rest of the command line ---------------------------------------------------------------------------


def test_completion_is_there() -> None:
    assert "--install-completion" in call("--help")[1]
    environ = {
        "_NEUROWORKFLOW_AGENT_COMPLETE": "complete_bash",
        "COMP_WORDS": "neuroworkflow-agent log",
        "COMP_CWORD": "1",
    }
    script = "from neuroworkflow_agent.cli import app; app(prog_name='neuroworkflow-agent')"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **environ}, capture_output=True, text=True
    )
    assert set(re.split(r"\s+", done.stdout.strip())) == {"login", "logout"}


IN_A_DESKTOP_SESSION = """\
set -e
printf secret | gnome-keyring-daemon --unlock --components=secrets > /dev/null
login="{python} -m neuroworkflow_agent"
printf '%s' "$KEY_FOR_TEST" | $login login anthropic --url "$URL_FOR_TEST"
$login login --status
$login doctor | grep sign-in
if grep -r "$KEY_FOR_TEST" "$HOME"; then exit 9; fi
$login logout
{python} -c "import keyring; print('left:', [item.get_label() for item in keyring.get_keyring().get_preferred_collection().get_all_items()])"
"""


def test_key_is_kept_in_a_real_secret_service(model: ScriptedModel, tmp_path: Path) -> None:
    needs.program("gnome-keyring-daemon", install="sudo apt install gnome-keyring")
    dbus = needs.program("dbus-run-session", install="sudo apt install dbus")
    home = tmp_path / "desktop"
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    # The session's own programs must not find another session's.
    environ = {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(tmp_path / "runtime")}
    home.mkdir()
    (tmp_path / "runtime").mkdir(mode=0o700)
    done = subprocess.run(
        [dbus, "--", "sh", "-c", IN_A_DESKTOP_SESSION.format(python=sys.executable)],
        env={**environ, "KEY_FOR_TEST": model.api_key, "URL_FOR_TEST": model.base_url},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Signed in to {model.base_url} (anthropic), kept in the system's keyring." in done.stdout
    assert "You are signed out: the key is removed.\nleft: []" in done.stdout
