"""What an administrator is given: the configuration, the manifests, the image, and the page about them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from neuroworkflow_agent.gateway.settings import PREFIX, GatewaySettings
from neuroworkflow_agent.testing.ports import free_port

_ROOT = Path(__file__).parents[2]
_DEPLOY = _ROOT / "deploy"
_IMAGE = _DEPLOY / "image"


def manifests() -> dict[str, Any]:
    """deploy/gateway.yaml by kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((_DEPLOY / "gateway.yaml").read_text())}


def variables() -> dict[str, Any]:
    """Every variable of the gateway and its default."""
    other = {
        "service_tokens": "NEUROWORKFLOW_SERVICE_TOKEN", "hub_api_url": "JUPYTERHUB_API_URL", "hub_service": "JUPYTERHUB_SERVICE_NAME",
        "service_prefix": "JUPYTERHUB_SERVICE_PREFIX",
    }  # fmt: skip
    fields = GatewaySettings.model_fields
    return {other.get(name, f"{PREFIX}{name.upper()}"): field.default for name, field in fields.items()}


def test_dockerfile_is_clean() -> None:
    linted = subprocess.run(["hadolint", _ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_dockerfile_of_the_page_is_clean() -> None:
    """The one for a site's own image."""
    (text,) = re.findall(r"```dockerfile\n(.+?)```", (_ROOT / "docs" / "hub.md").read_text(), re.DOTALL)
    linted = subprocess.run(["hadolint", "-"], input=text, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_dockerfile_copies_only_what_is_there_and_let_through() -> None:
    ignored = (_ROOT / ".dockerignore").read_text()
    copied = re.findall(r"^COPY (.+) \S+$", (_ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert copied
    for path in " ".join(copied).split():
        assert (_ROOT / path).exists()
        assert f"!{path}" in ignored


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_manifests_are_valid(version: str) -> None:
    documents = list(yaml.safe_load_all((_DEPLOY / "gateway.yaml").read_text()))
    assert {each["kind"] for each in documents} >= {"Deployment", "Service", "NetworkPolicy"}
    for each in documents:
        kubernetes_validate.validate(each, version, strict=True)


def test_manifest_with_a_field_that_is_none_is_not_valid() -> None:
    deployment = manifests()["Deployment"]
    deployment["spec"]["template"]["spec"]["containers"][0]["livenessProbes"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.31", strict=True)


def test_manifests_fit_each_other_and_the_gateway() -> None:
    found = manifests()
    pod = found["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"]
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        spec = found[kind]["spec"]
        selector = spec.get("selector") or spec["podSelector"]
        assert selector.get("matchLabels", selector).items() <= labels.items()
    (container,) = pod["spec"]["containers"]
    assert {entry["name"] for entry in container["env"]} <= set(variables())
    assert pod["spec"]["enableServiceLinks"] is False
    values = yaml.safe_load((_DEPLOY / "values.yaml").read_text())
    (rule,) = values["singleuser"]["networkPolicy"]["egress"]
    assert rule["to"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    assert values["singleuser"]["extraEnv"]["NEUROWORKFLOW_BACKEND_URL"].endswith(":8090")


def test_users_servers_get_no_key_and_keep_their_own_token() -> None:
    values = yaml.safe_load((_DEPLOY / "values.yaml").read_text())
    given = values["singleuser"]["extraEnv"]
    assert not [name for name in given if "KEY" in name or "TOKEN" in name]
    (mount,) = values["singleuser"]["storage"]["extraVolumeMounts"]
    assert mount["readOnly"] is True
    config = (_DEPLOY / "jupyterhub_config.py").read_text()
    assert not re.search(r'"(JUPYTERHUB_API_TOKEN|ANTHROPIC_\w+|NEUROWORKFLOW_SERVICE_TOKEN)":', config)


def test_users_reach_the_gateway_and_only_prometheus_its_metrics() -> None:
    found = manifests()
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    ports = {entry["name"]: entry["containerPort"] for entry in container["ports"]}
    told = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert told[f"{PREFIX}METRICS_PORT"] == str(ports["metrics"])
    allowed = {
        next(iter(peer["podSelector"]["matchLabels"].values())): [port["port"] for port in rule["ports"]]
        for rule in found["NetworkPolicy"]["spec"]["ingress"]
        for peer in rule["from"]
    }
    assert allowed == {"singleuser-server": [ports["http"]], "prometheus": [ports["metrics"]]}
    annotations = found["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["metrics"])


def test_skills_are_mounted_outside_the_home_and_found_there() -> None:
    """Kubernetes makes missing parents of a mount as root: below the home, that would be ~/.claude."""
    user = yaml.safe_load((_DEPLOY / "values.yaml").read_text())["singleuser"]
    (mount,) = user["storage"]["extraVolumeMounts"]
    assert user["extraEnv"]["NEUROWORKFLOW_SKILLS_DIR"] == mount["mountPath"]
    assert not Path(mount["mountPath"]).is_relative_to("/home")


def test_page_names_every_variable_and_its_default() -> None:
    rows: dict[str, list[str]] = {}
    for line in (_ROOT / "docs" / "hub.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            rows |= {name.strip(" `"): cells for name in cells[0].split(",")}
    for name, default in variables().items():
        assert name in rows, name
        _, meaning, told, risk = rows[name]
        assert meaning
        assert risk
        if isinstance(default, (int, float, str)) and default:
            plain = told.replace("`", "").replace(",", "")
            assert str(default).removesuffix(".0") in plain, (name, default, told)


def test_image_starts_no_server_that_is_open_to_everybody(tmp_path: Path) -> None:
    jupyter = tmp_path / "jupyter"
    jupyter.write_text('#!/bin/sh\necho "token=$JUPYTER_TOKEN file=$JUPYTER_TOKEN_FILE" "$@"\n')
    jupyter.chmod(0o755)
    token = tmp_path / "token"

    def started() -> tuple[int, str, str]:
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "JUPYTER_TOKEN_FILE": str(token)}
        done = subprocess.run([_IMAGE / "start"], env=environ, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert started()[0] != 0
    token.write_text(" \n")
    assert started() == (
        1,
        "",
        f"'{token}' is empty, and a server without a token is open to everybody. Write a token into it, or unset JUPYTER_TOKEN_FILE.\n",
    )
    token.write_text("abc\n")
    assert started() == (0, "token=abc file= lab --ip=0.0.0.0 --no-browser\n", "")


@pytest.mark.timeout(900)
@pytest.mark.server
@pytest.mark.thorough
def test_image_installs_starts_and_is_healthy(tmp_path: Path) -> None:
    """The Dockerfile's steps, in a fresh virtual environment instead of a container."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(_ROOT / name, source)
    shutil.copytree(
        _ROOT / "neuroworkflow_agent",
        source / "neuroworkflow_agent",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copytree(_ROOT / ".claude" / "skills", source / ".claude" / "skills")
    shutil.copytree(_ROOT / "etc", source / "etc")
    port = free_port()
    kept = {
        n: v
        for n, v in os.environ.items()
        if not n.startswith(("PYTHON", "PYTEST", "JUPYTER", "VIRTUAL_ENV"))
    }
    environ = {
        **kept,
        "PATH": f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTER_IP": "127.0.0.1",
        "JUPYTER_TOKEN_FILE": str(tmp_path / "token"),
    }
    (tmp_path / "token").write_text("the-images-token\n")
    installed = subprocess.run(
        [_IMAGE / "install", source], env=environ, capture_output=True, text=True, check=False
    )
    assert installed.returncode == 0, installed.stderr[-3000:]
    assert re.search(r"^claude \d+\.\d+\.\d+", installed.stdout, re.MULTILINE)
    (skills,) = (tmp_path / "venv").glob("lib/python*/site-packages/neuroworkflow_agent/bundled_skills")
    assert (skills / "create-node" / "SKILL.md").is_file()
    health = [_IMAGE / "healthcheck"]
    assert subprocess.run(health, env=environ, capture_output=True, check=False).returncode == 1
    server = subprocess.Popen(
        [_IMAGE / "start", "--allow-root", f"--ServerApp.port={port}"],
        env=environ, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while subprocess.run(health, env=environ, capture_output=True, check=False).returncode:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)
        (file,) = (tmp_path / "runtime").glob("jpserver-*.json")
        assert json.loads(file.read_text())["token"] == "the-images-token"
    finally:
        server.terminate()
        server.wait(20)
    helped = subprocess.run(
        ["neuroworkflow-agent", "gateway", "--help"], env=environ, capture_output=True, text=True, check=True
    )
    assert "usage" in helped.stdout
