# A kernel with the agent in it: docker run -e ANTHROPIC_API_KEY -p 8888:8888 -v "$PWD:/work" IMAGE
FROM python:3.12-slim

RUN useradd --create-home agent
WORKDIR /opt/neuroworkflow_agent
COPY pyproject.toml README.md LICENSE ./
COPY neuroworkflow_agent ./neuroworkflow_agent
RUN pip install --no-cache-dir . jupyterlab matplotlib numpy

USER agent
WORKDIR /work
EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser"]
