"""Which files other programs run or obey unasked, by their names alone. Pure.

A name counts wherever it stands in the workspace: git, editors, shells and Python look for theirs in every directory they work in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from neuroworkflow_agent.text import INVISIBLE

_DIRECTORIES = """
    .git git~1 .githooks .husky .claude .vscode .idea .devcontainer .cursor .zed .fleet .direnv .ipython .jupyter
    .ssh .gnupg .docker .circleci .buildkite sitecustomize usercustomize
"""
"""Whatever lies below them, and they themselves: a file `.git` says where the repository is."""
# A directory with a HEAD is a repository to git, with the settings and hooks beside it.
_NAMES = """
    head .gitconfig .gitmodules .gitattributes .gitlab-ci.yml .pre-commit-config.yaml .pre-commit-config.yml
    .mcp.json .claude.json claude.md claude.local.md agents.md devcontainer.json .devcontainer.json
    .envrc .env .mise.toml mise.toml .tool-versions .exrc .vimrc .nvimrc .nvim.lua .emacs .dir-locals.el
    .bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin .zlogout
    .inputrc .kshrc .cshrc .tcshrc .login .xprofile .xinitrc .xsessionrc
    sitecustomize.py usercustomize.py pyvenv.cfg .pdbrc .pdbrc.py .pythonrc .pythonrc.py .pythonstartup .gdbinit .lldbinit
    .rprofile .renviron rprofile.site startup.jl .npmrc .yarnrc .yarnrc.yml .condarc .pypirc pip.conf kernel.json
"""
_PATTERNS = re.compile(r".*\.(pth|start)|(ipython|jupyter)\w*_config\.(py|json)|.*\.code-workspace")
_PAIRS = (
    # Neighbouring parts of a path: a directory, and what is below it.
    (re.compile(r"\.github"), re.compile(r"workflows|actions")),
    (re.compile(r"profile_.*"), re.compile(r"startup")),
    (
        re.compile(r"hooks"),
        re.compile(
            r"(pre|post|prepare|applypatch|commit|update|push|sendemail|p4|fsmonitor|reference)([-_].*)?"
        ),
    ),
    (re.compile(r"\.config"), re.compile(r"autostart|systemd|fish|nvim|git|matplotlib|pip")),
)
_DIRECTORY_SET = frozenset(_DIRECTORIES.split())
_NAME_SET = frozenset(_NAMES.split())
_HIDDEN = re.compile(f"[{INVISIBLE}]")


def is_protected(parts: Iterable[str]) -> bool:
    """Whether a file is one that other programs run or obey.

    Parameters
    ----------
    parts
        Of its path, outermost first.
    """
    names = [_plain(part) for part in parts]
    if not names:
        return False
    if not _DIRECTORY_SET.isdisjoint(names) or names[-1] in _NAME_SET or _PATTERNS.fullmatch(names[-1]):
        return True
    return any(
        above.fullmatch(one) and below.fullmatch(two)
        for one, two in pairwise(names)
        for above, below in _PAIRS
    )


def _plain(name: str) -> str:
    """A name as the least careful file system compares it: without case, invisible characters and a tail of dots."""
    visible = _HIDDEN.sub("", unicodedata.normalize("NFKC", name))
    return visible.casefold().split(":", 1)[0].rstrip(" .")
