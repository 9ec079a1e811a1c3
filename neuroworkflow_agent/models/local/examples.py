"""Exchanges for a small model to imitate; they stay in the server's cache, so they cost time only once."""

from __future__ import annotations


def _exchange(request: str, code: str, cells: str = "", names: str = "") -> list[dict[str, str]]:
    before = (
        f"These cells have run already:\n{cells}\n\nDo not repeat them. You can use {names}.\n\nMy request: "
        if cells
        else ""
    )
    return [
        {"role": "user", "content": f"{before}{request}"},
        {"role": "assistant", "content": f"```python\n{code}\n```"},
    ]


EXAMPLES = [
    *_exchange("What is 37 * 41?", "# the product\nprint(37 * 41)"),
    *_exchange(
        "Show the spikes as a raster. What is the mean rate?",
        "# one tick for each spike; the mean rate is spikes per cell and second, with the duration in seconds\n"
        "import matplotlib.pyplot as plt\n"
        'plt.plot(st_ms, ids, "|")\n'
        'plt.xlabel("time (ms)")\n'
        'plt.ylabel("neuron")\n'
        "plt.show()\n"
        "print(len(st_ms) / n_cells / (duration_ms / 1000))",
        "In [1]:\nst_ms, ids, n_cells, duration_ms = simulate()  # time and cell of each spike",
        "st_ms, ids, n_cells, duration_ms",
    ),
    *_exchange(
        "Which channel has the largest peak, and how large is it?",
        "# the peak of each channel, then the channel where it is largest\n"
        "peaks = eeg.max(axis=1)\n"
        "channel = np.argmax(peaks)\n"
        "print(channel, peaks[channel])",
        "In [2]:\nimport numpy as np\neeg = np.load('eeg.npy')  # channels x samples",
        "eeg",
    ),
    *_exchange(
        "In sleep.tsv, how long did the stage REM last on average?",
        "# read the file, keep the rows of REM, average their durations\n"
        "import pandas as pd\n"
        "table = pd.read_csv('sleep.tsv', sep='\\t')\n"
        "print(table.columns.tolist())\n"
        "print(table[table['stage'] == 'REM']['duration'].mean())",
    ),
    *_exchange(
        "My last cell failed. Fix it.",
        "# the list is called gains\nlargest = max(gains)\nprint(largest)",
        "In [4]:\ngains = [0.5, 2.0, 1.5]\nIn [5]:\nlargest = max(gain)\nNameError: name 'gain' is not defined",
        "gains",
    ),
    *_exchange(
        "Simulate dx/dt = -x / 8 by Euler from x = 4, dt = 0.1, 50 steps; keep all values in xs.",
        "# start with x = 4, then 50 steps of Euler\n"
        "xs = [4.0]\n"
        "for _ in range(50):\n"
        "    xs.append(xs[-1] + 0.1 * (-xs[-1] / 8))\n"
        "print(len(xs), xs[-1])",
    ),
]
