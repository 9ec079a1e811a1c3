"""The task set: cells that ran before, a request, and a check in Python.

A check is an expression over the kernel's names after the turn, and over `answer` (the model's text) and
`shown` (text and mime types of all outputs of its code).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Task:
    """One request."""

    name: str
    prompt: str
    check: str
    cells: tuple[str, ...] = ()
    """Cells of the user's that ran before."""


_SPIKES = "import numpy as np\nspike_times_ms = np.array([3.0, 12.5, 20.0, 41.0, 77.5])"
_FRAME = """\
import pandas as pd
df = pd.DataFrame({"neuron": ["a", "a", "b", "b", "b"], "rate_hz": [5.0, 7.0, 10.0, 20.0, 30.0]})"""
_QUICKSTART = """\
import numpy as np
rng = np.random.default_rng(1)
n_neurons, duration_ms = 40, 500.0
spike_neurons = np.repeat(np.arange(n_neurons), 12)
spike_times_ms = np.sort(rng.uniform(0, duration_ms, spike_neurons.size))"""

TASKS = (
    Task("product", "What is 1234 * 5678?", "'7006652' in (answer + shown).replace(',', '')"),
    Task("factorial", "Compute the factorial of 15 and store it in f.", "f == 1307674368000"),
    Task(
        "squares", "Make a list called squares with the squares of 1 to 10.",
        "list(squares) == [n * n for n in range(1, 11)]",
    ),
    Task(
        "evens", "Put the even numbers of `numbers` in a list called evens.",
        "list(evens) == [4, 8, 10]", ("numbers = [3, 4, 7, 8, 10, 11]",),
    ),
    Task("reverse", "Reverse the string s and store it in r.", "r == 'krowten laruen'", ("s = 'neural network'",)),
    Task("vowels", "Count the vowels in the string text and store the number in n_vowels.", "n_vowels == 7", ("text = 'Hippocampal neuron'",)),
    Task(
        "words", "Make a dictionary called counts with how often each word occurs in text.",
        "dict(counts) == {'to': 2, 'be': 2, 'or': 1, 'not': 1}", ("text = 'to be or not to be'",),
    ),
    Task("days", "How many days are there between 2024-01-15 and 2024-03-01?", "'46' in answer + shown"),
    Task("weekday", "Which day of the week was 20 July 1969?", "'sunday' in (answer + shown).lower()"),
    Task("primes", "Make a list called primes with all prime numbers below 30.", "list(primes) == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]"),
    Task(
        "isi", "Compute the inter-spike intervals of spike_times_ms with numpy and store them in isi.",
        "__import__('numpy').allclose(isi, [9.5, 7.5, 21.0, 36.5])", (_SPIKES,),
    ),
    Task(
        "mean-std", "Compute mean and standard deviation of data with numpy, in variables mu and sd.",
        "abs(mu - 5) < 1e-9 and (abs(sd - 2) < 1e-6 or abs(sd - 2.138) < 1e-3)",
        ("data = [2, 4, 4, 4, 5, 5, 7, 9]",),
    ),
    Task(
        "identity", "Create a 4x4 numpy identity matrix called eye and multiply it by 3.",
        "__import__('numpy').allclose(eye, 3 * __import__('numpy').eye(4)) or '3., 0.' in shown or '[3.' in shown",
    ),
    Task(
        "group", "With pandas, compute the mean rate_hz of each neuron in df, in a variable called means.",
        "abs(dict(means.squeeze() if hasattr(means, 'squeeze') and 'neuron' not in getattr(means, 'columns', []) else means.set_index('neuron')['rate_hz'])['b'] - 20) < 1e-9",
        (_FRAME,),
    ),
    Task(
        "filter", "Keep only the rows of df with rate_hz above 8 in a new DataFrame called fast.",
        "list(fast['rate_hz']) == [10.0, 20.0, 30.0]", (_FRAME,),
    ),
    Task("sine", "Plot a sine wave from 0 to 2 pi.", "'image/png' in shown"),
    Task("histogram", "Plot a histogram of spike_times_ms.", "'image/png' in shown", (_SPIKES,)),
    Task(
        "lif",
        "Simulate a leaky integrate-and-fire neuron with the Euler method: tau = 20 ms, rest -65 mV, threshold -50 mV, "
        "reset -65 mV, a constant drive of 20 mV, dt = 0.1 ms, for 200 ms. Store the spike times in a list called spikes.",
        "5 <= len(spikes) <= 9",
    ),
    Task(
        "fix", "My last cell failed. Fix it.",
        "abs(total - 6.5) < 1e-9", ("values = ['1.5', '2', '3']\ntotal = sum(values)",),
    ),
    Task(
        "raster", "Plot the spike raster and tell me the mean firing rate.",
        "'image/png' in shown and __import__('re').search(r'(?<![\\d.])(24(\\.0*)?|0\\.024)(?![\\d])', answer + shown) is not None", (_QUICKSTART,),
    ),
)  # fmt: skip
