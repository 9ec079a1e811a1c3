"""One wrong node for every finding: a correct node and the edit that breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CORRECT = Path(__file__).parent / "correct"
_RATE = "FiringRateNode"
_ISI = "IsiStatisticsNode"
_NEURON = "IafNeuronNode"
_REPORT = "SaveReportNode"
_READ = "ReadSpikeTimesNode"
_GRID = "GridSearchNode"


@dataclass(frozen=True)
class Fault:
    """A node with one thing wrong."""

    code: str
    """The finding it raises, and no other."""
    node: str
    """The correct node it is made from."""
    edits: tuple[tuple[str, str], ...]
    """What is replaced by what, once each."""
    line_of: str = ""
    """What stands in the line of the finding; empty where the line is the file's first."""
    file: str = ""
    """Another name for the file, with folders."""
    beside: tuple[str, ...] = ()
    """Correct nodes that lie in the same folder."""
    packages: tuple[str, ...] = ()
    """Folders with an `__init__.py`."""

    @property
    def source(self) -> str:
        text = (CORRECT / f"{self.node}.py").read_text(encoding="utf-8")
        for old, new in self.edits:
            assert text.count(old) >= 1, (self.code, old)
            text = text.replace(old, new, 1)
        return text

    def write(self, folder: Path) -> Path:
        """The file, in a folder like the one it would lie in."""
        for name in self.beside:
            (folder / f"{name}.py").write_text((CORRECT / f"{name}.py").read_text(encoding="utf-8"))
        path = folder / (self.file or f"{self.node}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for package in self.packages:
            (folder / package / "__init__.py").touch()
        path.write_text(self.source, encoding="utf-8")
        return path


def _fault(code: str, node: str, *edits: tuple[str, str], line: str = "", file: str = "", beside: tuple[str, ...] = (), packages: tuple[str, ...] = ()) -> Fault:  # fmt: skip
    return Fault(code, node, edits, line, file, beside, packages)


_INPUT = 'type=PortType.DICT, description="Spike times in ms, a list keyed by neuron name"'
_STEP_COUNT = '        self.add_process_step("count", self.count, method_key="count")\n'
_SECOND = """

class SecondNode(Node):
    NODE_DEFINITION = NodeDefinitionSchema(
        type="second",
        description="Does nothing at all with nothing, twice.",
        stage="analysis",
        tool="custom",
        model_source="https://example.org",
        methods={"go": MethodDefinition(description="Go", inputs=[], outputs=[])},
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._define_process_steps()

    def _define_process_steps(self) -> None:
        self.add_process_step("go", self.go, method_key="go")

    def go(self) -> dict[str, Any]:
        return {}
"""

_LAST = "float(mean if middle is None else middle)}\n"
_AT_END = (_LAST, _LAST + _SECOND)

FAULTS = (
    _fault("NW004", _RATE, ("def choose(", "def choose(("), line="def choose(("),
    _fault("NW006", _RATE, ("class FiringRateNode(Node):", "class FiringRateNode:"), ("NODE_DEFINITION =", "DEFINITION =")),
    _fault("NW007", _RATE, file="neuroworkflow/nodes/analysis/FiringRateNode.py"),
    _fault("NW008", _RATE, ("class FiringRateNode", "class RateNode"), line="class RateNode"),
    _fault("NW009", _RATE, ("class FiringRateNode", "class firing_rate"), line="class firing_rate", file="firing_rate.py"),
    _fault("NW010", _RATE, _AT_END, line="class SecondNode"),
    _fault("NW011", _RATE, ("from neuroworkflow.core.port import PortType\n", ""), line="type=PortType.DICT"),
    _fault("NW015", _RATE, ("sorted(rates.values())", "sorted(rate.values())"), line="sorted(rate."),
    _fault("NW012", _RATE, file="neuroworkflow/nodes/mine/FiringRateNode.py", packages=("neuroworkflow/nodes/mine",)),
    _fault("NW101", _RATE, ("    NODE_DEFINITION = Node", "    SOMETHING = Node"), line="class FiringRateNode"),
    _fault("NW102", _RATE, ("NODE_DEFINITION = ", "NODE_DEFINITION: NodeDefinitionSchema = "), line="NODE_DEFINITION:"),
    _fault("NW102", _RATE, ("NODE_DEFINITION = NodeDefinitionSchema(", "NODE_DEFINITION = dict("), line="NODE_DEFINITION = dict"),
    _fault("NW103", _RATE, ('PortDefinition(\n                type=PortType.LIST', "PortDefinition(\n                PortType.LIST"), line="PortType.LIST"),
    _fault("NW103", _RATE, ('stage="analysis",', '**{"stage": "analysis"},'), line="**{"),
    _fault("NW104", _RATE, ('"neuron_names": Port', '"neuron" + "_names": Port'), line='"neuron" +'),
    _fault("NW104", _ISI, ('inputs={', 'inputs=dict() or {'), line="inputs=dict()"),
    _fault("NW105", _RATE, ('ParameterDefinition(\n                default_value="mean"', 'dict(\n                default_value="mean"'), line='"statistic": dict('),
    _fault("NW106", _RATE, ('description="Firing rate of the population in Hz"', 'description=f"Firing rate of the {1} population in Hz"'), line='f"Firing rate'),
    _fault("NW107", _RATE, ("optimization_range=[100.0, 2000.0]", "optimization_range=list((100.0, 2000.0))"), line="list((100.0"),
    _fault("NW107", _GRID, ("objective_range=[0.0, 100.0]", "objective_range=(0.0, 100.0)"), line="(0.0, 100.0)"),
    _fault("NW107", _ISI, ('outputs=["mean_isi_ms", "isi_cv"]', 'outputs=("mean_isi_ms", "isi_cv")'), line='outputs=("mean'),
    _fault("NW108", _RATE, (_INPUT, _INPUT + ", required=True"), line="required=True"),
    _fault("NW109", _RATE, (_INPUT, _INPUT + ", is_objective=True"), line="is_objective=True"),
    _fault("NW110", _RATE, ('        type="firing_rate",\n', ""), line="NODE_DEFINITION"),
    _fault("NW111", _RATE, ('type="firing_rate"', 'type="Firing-Rate"'), line='type="Firing-Rate"'),
    _fault("NW112", _RATE, ('type="firing_rate"', 'type="isi_statistics"'), line='type="isi_', beside=(_ISI,)),
    _fault("NW113", _RATE, ('        stage="analysis",\n', ""), line="NODE_DEFINITION"),
    _fault("NW114", _RATE, ('stage="analysis"', 'stage="decoding"'), line="stage="),
    _fault("NW115", _RATE, ('        tool="custom",\n', ""), line="NODE_DEFINITION"),
    _fault("NW116", _RATE, ('        model_source="https://doi.org/10.7551/mitpress/9780262041997.001.0001",\n', ""), line="NODE_DEFINITION"),
    _fault("NW117", _RATE, ("https://doi.org/10.7551/mitpress/9780262041997.001.0001", "Dayan and Abbott, chapter 1"), line="Dayan"),
    _fault("NW118", _RATE, ('        description="Mean firing rate of each neuron from its spike times, counted in one window.",\n', ""), line="NODE_DEFINITION"),
    _fault("NW119", _RATE, ("Mean firing rate of each neuron from its spike times, counted in one window.", "Firing rates"), line='"Firing rates"'),
    _fault("NW120", _RATE, ('"neuron_names": Port', '"neuron names": Port'), ('"neuron_names"]', '"neuron names"]'), ("neuron_names: list[str] | None", "**more: Any"), ("neuron_names is None else neuron_names", '"neuron names" not in more else more["neuron names"]'), line='"neuron names": Port'),
    _fault("NW121", _RATE, ('"neuron_names": PortDefinition(', '"neuron_names": PortDefinition(description="Names", optional=True), "neuron_names": PortDefinition('), line='"neuron_names"'),
    _fault("NW201", _RATE, ('description="How rates are put together over neurons",', ""), line='"statistic"'),
    _fault("NW202", _RATE, ('default_value="mean",', ""), line='"statistic"'),
    _fault("NW203", _ISI, (', constraints={"min": 2}', ""), line='"min_spikes"'),
    _fault("NW203", _RATE, ('constraints={"min": 1.0, "max": 1e7},', ""), line='"window_ms"'),
    _fault("NW204", _RATE, ('default_value="mean"', 'default_value="mode"'), line='"statistic"'),
    _fault("NW205", _RATE, ("default_value=1000.0", "default_value=0.5"), line='"window_ms"'),
    _fault("NW205", _RATE, ("default_value=1000.0", 'default_value="1000"'), line='"window_ms"'),
    _fault("NW206", _RATE, ("optimization_range=[100.0, 2000.0],", ""), line='"window_ms"'),
    _fault("NW207", _RATE, ("[100.0, 2000.0]", "[0.5, 2000.0]"), line='"window_ms"'),
    _fault("NW208", _RATE, ("[100.0, 2000.0]", "[2000.0, 100.0]"), line='"window_ms"'),
    _fault("NW209", _RATE, ('constraints={"allowed_values": ["mean", "median"]}', 'constraints={"options": ["mean", "median"]}'), line='"statistic"'),
    _fault("NW210", _GRID, ("objective_range=[0.0, 100.0],", ""), line='"rate_error"'),
    _fault("NW211", _RATE, ('"min": 1.0, "max": 1e7', '"min": 1e7, "max": 1.0'), line='"window_ms"'),
    _fault("NW211", _RATE, ('"allowed_values": ["mean", "median"]', '"allowed_values": []'), line='"statistic"'),
    _fault("NW214", _RATE, ('self._parameters["statistic"] == "median"', "len(ordered) > 9"), line='"statistic"'),
    _fault("NW215", _RATE, ('self._parameters["window_ms"]', 'self._parameters["window_ms"] or self._parameters["window"]'), line='self._parameters["window"]'),
    _fault("NW206", _RATE, ('constraints={"allowed_values": ["mean", "median"]}', "optimizable=True"), line='"statistic"'),
    _fault("NW207", _RATE, ('"allowed_values": ["mean", "median"]}', '"allowed_values": ["mean", "median"]}, optimizable=True, optimization_range=[0, 1]'), line='"statistic"'),
    _fault("NW208", _RATE, ("[100.0, 2000.0]", "[100.0, 1e999]"), line='"window_ms"'),
    _fault("NW208", _RATE, ("[100.0, 2000.0]", "[100.0, 500.0, 2000.0]"), line='"window_ms"'),
    _fault("NW208", _RATE, ("[100.0, 2000.0]", "['short', 'long']"), line='"window_ms"'),
    _fault("NW208", _RATE, ('"allowed_values": ["mean", "median"]}', '"allowed_values": ["mean", "median"]}, optimizable=True, optimization_range=["mean", "median"]'), line='"statistic"'),
    _fault("NW220", _RATE, ("[100.0, 2000.0]", "[100.0, 999.0]"), line='"window_ms"'),
    _fault("NW221", _RATE, ("optimizable=True,", ""), line='"window_ms"'),
    _fault("NW222", _GRID, ("is_objective=True,", ""), ("abs(pair[1] - target)", 'abs(pair[1] - target) + self._parameters["rate_error"]'), line='"rate_error"'),
    _fault("NW223", _GRID, ("objective_range=[0.0, 100.0]", "objective_range=[100.0, 0.0]"), line='"rate_error"'),
    _fault("NW224", _RATE, ("optimizable=True", 'optimizable="yes"'), line='"window_ms"'),
    _fault("NW224", _GRID, ("is_objective=True", "is_objective=1"), line='"rate_error"'),
    _fault("NW225", _GRID, ("is_objective=True,", "is_objective=True, optimizable=True, optimization_range=[0.0, 1.0],"), line='"rate_error"'),
    _fault("NW216", _RATE, ('self._parameters["window_ms"]', 'self._parameters["window_ms"] or self._parameters.get("window")'), line='_parameters.get("window")'),
    _fault("NW216", _RATE, ('self._parameters["window_ms"]', 'self._parameters["window_ms"] if "window" not in self._parameters else 1.0'), line='"window" not in'),
    _fault("NW301", _RATE, ("PortType.LIST", "PortType.ARRAY"), line="PortType.ARRAY"),
    _fault("NW302", _RATE, ("type=PortType.LIST", "type=list"), line="type=list"),
    _fault("NW303", _RATE, ('type=PortType.LIST, description="Names of the neurons to look at"', "type=PortType.LIST"), line='"neuron_names"'),
    _fault("NW304", _ISI, ('"spike_times_ms": PortDefinition', '"spike_times": PortDefinition'), ("Spike times in ms, a list keyed", "Spike times, a list keyed"), ('inputs=["spike_times_ms"]', 'inputs=["spike_times"]'), ("spike_times_ms: dict", "spike_times: dict"), ("spike_times_ms.items", "spike_times.items"), line='"spike_times"'),
    _fault("NW304", _ISI, ('"min_spikes": Par', '"refractory": Par'), ('self._parameters["min_spikes"]', 'self._parameters["refractory"]'), ("Fewest spikes of a neuron that counts", "Refractory period after a spike"), line='"refractory"'),
    _fault("NW305", _ISI, ('"mean_isi_ms": PortDefinition(\n                type=PortType.DICT', '"mean_isi_ms": PortDefinition(\n                type=PortType.OBJECT'), ('result["mean_isi_ms"] = means', 'result["mean_isi_ms"] = dict(means)'), ('result: dict[str, Any] = {"mean_isi_ms": {}, "isi_cv": {}}', "result: dict[str, Any] = {}"), line="PortType.OBJECT"),
    _fault("NW305", _ISI, ('"spike_times_ms": PortDefinition(\n                type=PortType.DICT', '"spike_times_ms": PortDefinition(\n                type=PortType.OBJECT'), line="PortType.OBJECT"),
    _fault("NW306", _READ, ('"source_file": Port', '"results_path": Port'), ('inputs=["source_file"]', 'inputs=["results_path"]'), ("source_file: str", "results_path: str"), ("Path(source_file)", "Path(results_path)"), line='"results_path"'),
    _fault("NW307", _RATE, ("list(spike_times_ms) if neuron_names is None else neuron_names", "sorted(neuron_names)"), line="sorted(neuron_names)"),
    _fault("NW308", _RATE, ('"Names of the neurons to look at", optional=True', '"Names of the neurons to look at"'), line='"neuron_names"'),
    _fault("NW309", _RATE, ('inputs=["spike_times_ms", "neuron_names"]', 'inputs=["spike_times_ms"]'), ("neuron_names: list[str] | None", "neuron_names: list[str] | None = None"), line='"neuron_names"'),
    _fault("NW310", _RATE, ('outputs=["firing_rate_hz", "population_rate_hz"]', 'outputs=["firing_rate_hz"]'), (', "population_rate_hz": float(mean if middle is None else middle)', ""), line='"population_rate_hz"'),
    _fault("NW311", _RATE, ('"population_rate_hz": float(mean if middle is None else middle)', '"population_rate_hz": [mean, middle]'), line="[mean, middle]"),
    _fault("NW401", _RATE, ("            ),\n        },\n    )\n", '            ),\n            "plot": MethodDefinition(description="Plot the rates", inputs=[], outputs=[]),\n        },\n    )\n'), line='"plot"'),
    _fault("NW417", _RATE, (_STEP_COUNT, _STEP_COUNT + '        self.add_process_step("tell", self.tell, method_key="count")\n'), line='"tell"'),
    _fault("NW402", _RATE, (_STEP_COUNT, ""), line='"count"'),
    _fault("NW403", _RATE, (_STEP_COUNT, _STEP_COUNT + '        self.add_process_step("tell", self.tell)\n'), ("    def count(", "    def tell(self) -> dict[str, Any]:\n        return {}\n\n    def count("), line='"tell"'),
    _fault("NW404", _RATE, ('                inputs=["chosen"],', '                inputs=["chosen", "weights"],'), ("chosen: dict[str, list[float]]", "chosen: dict[str, list[float]], weights: Any"), line='"count"'),
    _fault("NW404", _RATE, ('        self.add_process_step("choose", self.choose, method_key="choose")\n', ""), (_STEP_COUNT, _STEP_COUNT + '        self.add_process_step("choose", self.choose, method_key="choose")\n'), line='"count"'),
    _fault("NW405", _RATE, ('                inputs=["chosen"],', '                inputs=["chosen", "window_ms"],'), ("chosen: dict[str, list[float]]", "chosen: dict[str, list[float]], window_ms: Any"), ('        window_ms = self._parameters["window_ms"]', '        window_ms = window_ms or self._parameters["window_ms"]'), line='"count"'),
    _fault("NW406", _RATE, ("def count(self, chosen: ", "def count(self, picked: "), ("chosen.items()", "picked.items()"), line="def count"),
    _fault("NW406", _RATE, ("def count(self, chosen: dict[str, list[float]]", "def count(self, chosen: dict[str, list[float]], scale: float"), line="def count"),
    _fault("NW407", _RATE, ('"population_rate_hz": float(mean', '"rate_hz": float(mean'), ('outputs=["firing_rate_hz", "population_rate_hz"]', 'outputs=["firing_rate_hz", "population_rate_hz", "rate_hz"]'), ('        outputs={\n', '        outputs={\n            "rate_hz": PortDefinition(type=PortType.FLOAT, description="Rate in Hz"),\n'), line='"count"'),
    _fault("NW408", _RATE, ('{"firing_rate_hz": rates,', '{"firing_rate_hz": rates, "ordered": ordered,'), line='"ordered"'),
    _fault("NW409", _RATE, ('outputs=["firing_rate_hz", "population_rate_hz"]', 'outputs=["firing_rate_hz"]'), line="float(mean if"),
    _fault("NW410", _RATE, ('return {"firing_rate_hz": rates, "population_rate_hz": float(mean if middle is None else middle)}', "return [rates, mean, middle]"), line="return ["),
    _fault("NW411", _RATE, ('description="Count spikes per neuron and second",', ""), line='"count"'),
    _fault("NW412", _ISI, ("        self._define_process_steps()\n", ""), ("    def _define_process_steps(self) -> None:\n", "    def prepare(self) -> None:\n"), ('        self.add_process_step("describe", self.describe, method_key="describe")\n', "        self.ready = True\n"), line="class "),
    _fault("NW413", _ISI, ("        self._define_process_steps()\n", ""), line="def __init__"),
    _fault("NW413", _ISI, ("    def __init__(self, name: str) -> None:\n        super().__init__(name)\n        self._define_process_steps()\n", ""), line="class "),
    _fault("NW414", _ISI, ("        super().__init__(name)\n", ""), line="def __init__"),
    _fault("NW416", _ISI, ("super().__init__(name)", "super().__init__(name, self.NODE_DEFINITION)"), line="super().__init__"),
    _fault("NW416", _ISI, ("super().__init__(name)", "super().__init__(name, description=IsiStatisticsNode.NODE_DEFINITION)"), line="super().__init__"),
    _fault("NW415", _ISI, ("def __init__(self, name: str)", "def __init__(self, name: str, window: float)"), line="def __init__"),
    _fault("NW501", _RATE, ("\n\nclass", "\nTABLE = open('table.csv').read()\n\n\nclass"), line="TABLE"),
    _fault("NW501", _RATE, ("\n\nclass", "\nfor each in range(3):\n    open(str(each))\n\n\nclass"), line="for each"),
    _fault("NW501", _RATE, ("\n\nclass", "\ndef _table():\n    return open('table.csv').read()\n\n\nTABLE = _table()\n\n\nclass"), line="TABLE"),
    _fault("NW501", _NEURON, ("\n\nclass", "\nimport nest\nnest.Install('module')\n\n\nclass"), line="nest.Install"),
    _fault("NW502", _NEURON, ("\n\nclass", "\nimport nest\nnest.ResetKernel()\n\n\nclass"), line="nest.ResetKernel()"),
    _fault("NW502", _NEURON, ("        super().__init__(name)\n", "        super().__init__(name)\n        import nest\n        nest.ResetKernel()\n"), line="        nest.ResetKernel()"),
    _fault("NW503", _NEURON, ("            nest.ResetKernel()", "            pass\n        nest.ResetKernel()"), line="nest.ResetKernel()"),
    _fault("NW504", _REPORT, ("file.write_text(json", 'Path("/tmp/report.json").write_text(json'), line='"/tmp/report.json"'),
    _fault("NW504", _RATE, ('        return {"chosen"', '        with open(f"results/{len(names)}.txt", "w") as file:\n            file.write("x")\n        return {"chosen"'), line="open(f"),
    _fault("NW505", _REPORT, ("        folder.mkdir(parents=True, exist_ok=True)\n", ""), line="def write"),
)  # fmt: skip
"""Each raises its finding, and no other."""
