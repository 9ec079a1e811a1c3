"""Files: read, written, listed, and not there."""

from __future__ import annotations

from benchmarks.tasks.requests import Task, missing, state, value

_CSV = """\
import numpy as np, pandas as pd
rng = np.random.default_rng({seed})
pd.DataFrame({{"time_ms": np.round(np.sort(rng.uniform(0, 2000, {n})), 2), "unit": rng.choice(["u1", "u2", "u3"], {n}), "amplitude": np.round(rng.normal(80, 12, {n}), 2)}}).to_csv("{name}", index=False)"""


def _csv(seed: int, n: int, name: str) -> str:
    return _CSV.format(seed=seed, n=n, name=name)


FILES: tuple[Task, ...] = (
    state("load-csv", "files", "load spikes_a.csv into a DataFrame called spikes", "",
          "import pandas as pd\nspikes = pd.read_csv('spikes_a.csv')", "spikes", setup=_csv(101, 130, "spikes_a.csv")),
    value("csv-rows", "files", "How many rows does session7.csv have?", "",
          "import pandas as pd\ntruth = len(pd.read_csv('session7.csv'))", setup=_csv(102, 217, "session7.csv")),
    value("csv-mean", "files", "What is the mean amplitude in mouse3.csv?", "",
          "import pandas as pd\ntruth = pd.read_csv('mouse3.csv').amplitude.mean()", setup=_csv(103, 95, "mouse3.csv")),
    value("csv-unit", "files", "How many spikes of unit u2 are in rec12.csv?", "",
          "import pandas as pd\ntruth = int((pd.read_csv('rec12.csv').unit == 'u2').sum())", setup=_csv(104, 171, "rec12.csv")),
    value("csv-columns", "files", "What columns are in day2.csv?", "", "truth = ('time_ms', 'unit', 'amplitude')", setup=_csv(105, 44, "day2.csv")),
    state("load-npy", "files", "Load trace.npy into an array called trace.", "",
          "import numpy as np\ntrace = np.load('trace.npy')", "trace",
          setup="import numpy as np\nnp.save('trace.npy', np.random.default_rng(106).normal(size=321))"),
    value("npy-shape", "files", "What is the shape of the array in volume.npy?", "",
          "truth = (7, 18, 33)", setup="import numpy as np\nnp.save('volume.npy', np.zeros((7, 18, 33)))"),
    value("npz-names", "files", "which arrays are in sess.npz?", "", "truth = ('wheel', 'licks')",
          setup="import numpy as np\nnp.savez('sess.npz', wheel=np.arange(50.0), licks=np.arange(9))"),
    value("npz-mean", "files", "What is the mean of the array wheel in run4.npz?", "",
          "import numpy as np\ntruth = np.load('run4.npz')['wheel'].mean()",
          setup="import numpy as np\nnp.savez('run4.npz', wheel=np.random.default_rng(107).gamma(2, 5, 210))"),
    state("load-json", "files", "Read params.json into a dictionary params.", "",
          "import json, pathlib\nparams = json.loads(pathlib.Path('params.json').read_text())", "params",
          setup="import json, pathlib\npathlib.Path('params.json').write_text(json.dumps({'tau_ms': 17.5, 'n': 48, 'name': 'net'}))"),
    value("json-value", "files", "What threshold does config_b.json give?", "", "truth = -47.25",
          setup="import json, pathlib\npathlib.Path('config_b.json').write_text(json.dumps({'tau': 21, 'threshold': -47.25, 'seed': 9}))"),
    value("text-lines", "files", "How many lines has notes.txt?", "", "truth = 23",
          setup="import pathlib\npathlib.Path('notes.txt').write_text('\\n'.join(f'trial {n}: ok' for n in range(23)) + '\\n')"),
    state("save-npy", "files", "Save rates to rates_out.npy.", "import numpy as np\nrates = np.random.default_rng(108).gamma(2, 3, 27)",
          "import numpy as np\nnp.save('rates_out.npy', rates)", "", check="abs(__import__('numpy').load('rates_out.npy') - rates).max() == 0"),
    state("save-csv", "files", "write the table summary to summary.csv without the index",
          "import pandas as pd\nsummary = pd.DataFrame({'unit': ['a', 'b', 'c'], 'rate': [3.5, 8.25, 1.75]})",
          "summary.to_csv('summary.csv', index=False)", "",
          check="list(__import__('pandas').read_csv('summary.csv').columns) == ['unit', 'rate'] and len(__import__('pandas').read_csv('summary.csv')) == 3"),
    state("save-json", "files", "Save settings as settings.json.", "settings = {'dt_ms': 0.05, 'cells': 90}",
          "import json, pathlib\npathlib.Path('settings.json').write_text(json.dumps(settings))", "", check="__import__('json').loads(__import__('pathlib').Path('settings.json').read_text()) == {'dt_ms': 0.05, 'cells': 90}"),
    value("list-csv", "files", "How many CSV files are in the folder logs?", "", "truth = 6",
          setup="import os\nos.makedirs('logs', exist_ok=True)\nfor n in range(6): open(f'logs/r{n}.csv', 'w').close()\nopen('logs/readme.txt', 'w').close()"),
    missing("missing-npz", "files", "load data/session1.npz", "import numpy as np\nprint(np.arange(3).sum())"),
    missing("missing-csv", "files", "What is the mean of the column rate in results_final.csv?"),
    missing("missing-json", "files", "Which sampling rate does recording_info.json give?", "import numpy as np\nsignal = np.zeros(10)"),
    missing("missing-npy", "files", "plot the trace in lfp_ch4.npy", "import numpy as np\ntimes = np.arange(100)"),
)  # fmt: skip
