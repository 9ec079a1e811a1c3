"""YAML as data: no tags that make objects, no dates that are none of JSON's, no key twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from neuroworkflow_agent.errors import YamlError

_MAX_BYTES = 4_000_000
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """YAML's safe part, with dates as the texts they are, and no aliases, which can grow without end."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not read here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str | int | float | bool) or name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name!r} is there twice or no text", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> Any:
    """What a file says.

    Raises
    ------
    YamlError
        If it cannot be read, or is no YAML.
    """
    try:
        if not path.is_file():
            raise YamlError(f"No file at '{path}'.")
        if path.stat().st_size > _MAX_BYTES:
            raise YamlError(f"'{path}' is larger than {_MAX_BYTES:,} bytes.")
        return parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise YamlError(f"'{path}' cannot be read as text.") from error


def parse_yaml(text: str, name: str) -> Any:
    """What a text says.

    Parameters
    ----------
    name
        What to call it in errors.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except RecursionError as error:
        raise YamlError(f"'{name}' is not YAML that can be read: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlError(f"'{name}' is not YAML that can be read: {' '.join(str(error).split())}") from error


def parse_value(text: str) -> Any:
    """A value of the command line or of a table: a number, true, false, null, a list or a mapping, else the text itself.

    What begins with a zero is a text, as `007` names a subject.
    """
    word = text.strip()
    if _NUMBER.fullmatch(word) or word in ("true", "false", "null") or word[:1] in ("[", "{"):
        try:
            return json.loads(word)
        except ValueError:
            return text
    return {"True": True, "False": False, "None": None}.get(word, text)
