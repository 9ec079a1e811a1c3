"""Small simulations and generated data."""

from __future__ import annotations

from benchmarks.tasks.requests import Task, state, value

_EULER = """\
import numpy as np
v = [{v0}]
for _ in range({n}):
    v.append(v[-1] + {dt} * ({rest} - v[-1] + {drive}) / {tau})
v = np.array(v)"""


def _lif(tau: float, rest: float, threshold: float, reset: float, drive: float, t: float) -> str:
    return f"""\
v, spikes = {rest}, []
for step in range(int({t} / 0.1)):
    v += 0.1 * ({rest} - v + {drive}) / {tau}
    if v >= {threshold}:
        spikes.append(step * 0.1)
        v = {reset}"""


SIMULATIONS: tuple[Task, ...] = (
    state("lif-spikes", "simulate", "Simulate a leaky integrate-and-fire neuron with the Euler method: tau 15 ms, rest -70 mV, threshold -52 mV, reset -70 mV, "
          "constant drive 25 mV, dt 0.1 ms, 250 ms. Store the spike times in a list spikes.", "",
          _lif(15, -70, -52, -70, 25, 250) + "\nn = len(spikes)", "", check="9 <= len(spikes) <= 13"),
    value("lif-count", "simulate", "How often does a LIF neuron spike in 400 ms? tau = 12 ms, rest = reset = -65 mV, threshold = -50 mV, drive = 22 mV, Euler with dt = 0.1 ms.", "",
          _lif(12, -65, -50, -65, 22, 400) + "\ntruth = len(spikes)", tolerance=0.05),
    state("passive", "simulate", "Simulate dv/dt = (-70 - v + 12) / 25 with Euler from v = -70, dt = 0.5 ms, 300 steps. Keep all values, the start too, in v.", "",
          _EULER.format(v0=-70, n=300, dt=0.5, rest=-70, drive=12, tau=25), "v", tolerance=5e-3),
    state("poisson", "simulate", "Make a Poisson spike train of 20 Hz for 50 s; store the spike times in seconds in an array spikes.", "",
          "import numpy as np\nrng = np.random.default_rng(91)\nspikes = np.sort(rng.uniform(0, 50, rng.poisson(1000)))", "",
          check="850 <= len(spikes) <= 1150 and 45 < max(spikes) <= 50.5 and min(spikes) >= 0"),
    state("noise", "simulate", "Create 5000 samples of Gaussian noise with mean 2 and standard deviation 0.5, called noise.", "",
          "import numpy as np\nnoise = np.random.default_rng(92).normal(2, 0.5, 5000)", "",
          check="len(noise) == 5000 and abs(sum(noise) / 5000 - 2) < 0.05"),
    state("random-walk", "simulate", "simulate a random walk of 1000 steps of +1 or -1, store the positions in walk", "",
          "import numpy as np\nwalk = np.cumsum(np.random.default_rng(93).choice([-1, 1], 1000))", "",
          check="len(walk) in (1000, 1001) and all(abs(b - a) == 1 for a, b in zip(list(walk), list(walk)[1:]))"),
    state("alpha", "simulate", "Compute an alpha function g(t) = t/5 * exp(1 - t/5) for t from 0 to 50 ms in steps of 1 ms (51 values), as g.", "",
          "import numpy as np\nt = np.arange(51)\ng = t / 5 * np.exp(1 - t / 5)", "g"),
    state("weights", "simulate", "Make a 30x30 random weight matrix W with zeros on the diagonal.", "",
          "import numpy as np\nW = np.random.default_rng(94).normal(size=(30, 30))\nnp.fill_diagonal(W, 0)", "",
          check="W.shape == (30, 30) and abs(W.diagonal()).max() == 0 and (W != 0).sum() > 100"),
    state("time-axis", "simulate", "Make a time axis t_ms from 0 up to, not including, 120 ms with a step of 0.5 ms.", "",
          "import numpy as np\nt_ms = np.arange(0, 120, 0.5)", "t_ms"),
    state("step-current", "simulate", "Create a current I of 500 samples that is 0, but 2.5 from sample 100 up to, not including, sample 400.", "",
          "import numpy as np\nI = np.zeros(500)\nI[100:400] = 2.5", "I"),
    state("izhikevich", "simulate", "Run 200 Euler steps (dt = 0.1) of dv = 0.04*v**2 + 5*v + 140 - u + 3, du = 0.02*(0.2*v - u) from v = -65, u = -13, without reset. Leave the final values in v and u.", "",
          "v, u = -65.0, -13.0\nfor _ in range(200):\n    v, u = v + 0.1 * (0.04 * v**2 + 5 * v + 140 - u + 3), u + 0.1 * 0.02 * (0.2 * v - u)", "v u", tolerance=0.02),
    state("hill", "simulate", "Write a function hill(x, k, n) that returns x**n / (k**n + x**n).", "",
          "def hill(x, k, n):\n    return x**n / (k**n + x**n)", "", check="abs(hill(3.0, 2.0, 4) - 81 / 97) < 1e-9"),
    state("sigmoid", "simulate", "define a function rate(x) that is 40 / (1 + exp(-(x - 10) / 3))", "",
          "import math\ndef rate(x):\n    return 40 / (1 + math.exp(-(x - 10) / 3))", "", check="abs(float(rate(13.0)) - 29.2423) < 1e-3"),
    value("decay", "simulate", "A potential decays exponentially from 18 mV with a time constant of 30 ms. What is left after 45 ms?", "",
          "import math\ntruth = 18 * math.exp(-45 / 30)"),
    value("nernst", "simulate", "What is the Nernst potential of potassium in mV, with 5.4 mM outside, 140 mM inside, at 37 degrees C? Use R = 8.314, F = 96485.", "",
          "import math\ntruth = 1000 * 8.314 * 310.15 / 96485 * math.log(5.4 / 140)", tolerance=5e-3),
    state("synaptic", "simulate", "Low-pass filter input_x with y[i] = y[i-1] + 0.1 * (input_x[i] - y[i-1]), y[0] = input_x[0]; store y.",
          "import numpy as np\ninput_x = np.random.default_rng(95).normal(0, 1, 160)",
          "y = np.zeros(160)\ny[0] = input_x[0]\nfor i in range(1, 160):\n    y[i] = y[i - 1] + 0.1 * (input_x[i] - y[i - 1])", "y"),
    state("convolve", "simulate", "Convolve spikes01 with kernel (full) and store the result in rate.",
          "import numpy as np\nspikes01 = (np.random.default_rng(96).random(90) < 0.1).astype(float)\nkernel = np.exp(-np.arange(15) / 4)",
          "rate = np.convolve(spikes01, kernel)", "rate"),
    state("jitter", "simulate", "Add 5 ms to every spike time and drop those above 200; store the rest in shifted.",
          "spikes_ms = [12.0, 48.5, 90.0, 151.0, 188.0, 196.5, 199.0]", "shifted = [s + 5 for s in spikes_ms if s + 5 <= 200]", "shifted"),
    state("currents", "simulate", "For the currents 0, 5, 10, ..., 50 compute f = max(0, 2.5 * (I - 12)) and store the values in a list f.", "",
          "f = [max(0, 2.5 * (i - 12)) for i in range(0, 51, 5)]", "f"),
    state("shuffle", "simulate", "Shuffle the labels into a new list called shuffled; leave labels as it is.",
          "labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]", "import random\nshuffled = random.sample(labels, len(labels))", "",
          check="sorted(shuffled) == [0] * 6 + [1] * 6 + [2] * 5 and labels == [0] * 6 + [1] * 6 + [2] * 5 and list(shuffled) != labels"),
)  # fmt: skip
