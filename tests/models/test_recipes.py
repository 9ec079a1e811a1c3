"""What is put beside a request that a small model would not know by heart."""

from __future__ import annotations

import pytest

from neuroworkflow_agent.models.local.recipes import recipes

ASKED = "which neuron fires fastest?"


def test_request_that_nothing_fits_gets_nothing() -> None:
    assert recipes("hello") == ""


@pytest.mark.parametrize("variables", ["", "ids: ndarray (900,) int64\ntimes: ndarray (900,) float64"])
def test_rates_come_from_ids(variables: str) -> None:
    assert "np.bincount(ids" in recipes(ASKED, variables)


@pytest.mark.parametrize("kind", ["list length 40, of ndarray", "tuple length 3, of list"])
def test_rates_come_from_trains_where_each_neuron_has_its_own(kind: str) -> None:
    found = recipes(ASKED, f"duration_s: float 2.0\nspike_trains: {kind}")
    assert "np.array([len(train) for train in spike_trains]) / duration_s" in found
    assert "ids" not in found
    assert "ids" not in recipes("plot the number of spikes of each neuron as bars", "trains: list of ndarray")
