"""Writes a report."""

from typing import Any

from neuroworkflow.core.node import Node
from neuroworkflow.core.port import PortType
from neuroworkflow.core.schema import (
    MethodDefinition,
    NodeDefinitionSchema,
    ParameterDefinition,
    PortDefinition,
)


class SaveReportNode(Node):
    """Writes a report."""

    NODE_DEFINITION = NodeDefinitionSchema(
        type="save_report",
        description="Writes what several analyses found into one JSON report.",
        stage="io",
        tool="custom",
        model_source="https://docs.python.org/3/library/json.html",
        parameters={
            "file_name": ParameterDefinition(
                default_value="report.json",
                description="Name of the report in the results folder",
                constraints={},
            ),
        },
        inputs={
            "results": PortDefinition(
                type=PortType.DICT, description="Results to write, each a dict", fan_in=True
            ),
            "title": PortDefinition(type=PortType.STR, description="Title of the report", optional=True),
        },
        outputs={
            "report_file": PortDefinition(type=PortType.JSON_FILE, description="The report that was written"),
        },
        methods={
            "write": MethodDefinition(
                description="Write the report", inputs=["results", "title"], outputs=["report_file"]
            ),
        },
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("write", self.write, method_key="write")

    def write(self, results: Any, title: str | None) -> dict[str, Any]:
        import json
        from pathlib import Path

        folder = Path(self._context.get("results_path", "results"))
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / self._parameters["file_name"]
        file.write_text(json.dumps({"title": title or "Report", "results": results}))
        return {"report_file": str(file)}
