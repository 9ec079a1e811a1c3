# A kernel with the agent in it: a user's server on a hub, or JupyterLab by itself, with notebooks over MCP. The gateway runs from it, too.
#   docker build -t neuroworkflow-agent .
#   docker run -e ANTHROPIC_API_KEY -p 127.0.0.1:8888:8888 -v "$PWD:/home/jovyan/work" neuroworkflow-agent
#   docker run -e JUPYTER_TOKEN_FILE=/run/secrets/token -v "$PWD/token:/run/secrets/token:ro" -p 127.0.0.1:8888:8888 neuroworkflow-agent
#   docker run -e NEUROWORKFLOW_GATEWAY_API_KEY_FILE=… neuroworkflow-agent neuroworkflow-agent gateway --host 0.0.0.0
FROM python:3.12.12-slim-bookworm

RUN useradd --create-home --uid 1000 --shell /bin/bash jovyan

COPY deploy/image /opt/neuroworkflow/image
COPY pyproject.toml README.md LICENSE /opt/neuroworkflow/source/
COPY neuroworkflow_agent /opt/neuroworkflow/source/neuroworkflow_agent
COPY etc /opt/neuroworkflow/source/etc
COPY .claude/skills /opt/neuroworkflow/source/.claude/skills
ARG JUPYTERHUB_VERSION=6.1.1
RUN JUPYTERHUB_VERSION="$JUPYTERHUB_VERSION" /opt/neuroworkflow/image/install /opt/neuroworkflow/source

ENV PYTHONUNBUFFERED=1

USER 1000
WORKDIR /home/jovyan
EXPOSE 8888
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=4 CMD ["/opt/neuroworkflow/image/healthcheck"]
CMD ["/opt/neuroworkflow/image/start"]
