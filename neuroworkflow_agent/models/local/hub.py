"""GGUF files from a Hugging Face repository, kept in the user's cache of Hugging Face's own."""

from __future__ import annotations

import re
from pathlib import Path

from neuroworkflow_agent.models.local.weights import WeightsError

_NAME = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>[\w.-]+(?:/[\w.-]+)*\.gguf)")


def try_split(name: str) -> tuple[str, str] | None:
    """Repository and file of `OWNER/NAME/FILE.gguf`; None if it is another kind of name."""
    found = _NAME.fullmatch(name)
    if found is None or {".", ".."}.intersection(name.split("/")):
        return None
    return found["repo"], found["file"]


def download(repo: str, file: str) -> Path:
    """The file on this machine, downloaded if it is not there yet. `HF_ENDPOINT`, `HF_HOME` and `HF_TOKEN` count.

    Raises
    ------
    WeightsError
        If there is no such file, or the hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return Path(hf_hub_download(repo, file))
    except LocalEntryNotFoundError:
        raise WeightsError(
            f"'{repo}/{file}' is not on this machine and Hugging Face cannot be reached. "
            "Set HF_ENDPOINT for a mirror, or give a file: local:/path/model.gguf."
        ) from None
    except EntryNotFoundError:
        raise WeightsError(
            f"The repository '{repo}' has no file '{file}'. Look for its name at huggingface.co/{repo}."
        ) from None
    except RepositoryNotFoundError:
        raise WeightsError(
            f"There is no repository '{repo}' on Hugging Face, or it needs a token: set HF_TOKEN."
        ) from None
    except HfHubHTTPError as error:
        raise WeightsError(
            f"'{repo}/{file}' could not be downloaded: HTTP {error.response.status_code}."
        ) from None
