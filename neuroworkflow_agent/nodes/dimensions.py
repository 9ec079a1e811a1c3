"""What units measure and how one is turned into another, from pint.

Making its registry takes half a second and more, so it is made when two different units are compared, and not before.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pint import UnitRegistry

_NAMED: Final = {
    "second": "time", "hertz": "rate", "volt": "voltage", "ampere": "current", "siemens": "conductance", "farad": "capacitance",
    "ohm": "resistance", "meter": "length", "meter**2": "area", "meter**3": "volume", "meter/second": "speed", "mole": "amount",
    "mole/liter": "concentration", "kelvin": "temperature", "radian": "angle", "radian/second": "angular velocity", "coulomb": "charge",
    "ampere/meter**2": "current density", "siemens/meter**2": "conductance density", "farad/meter**2": "capacitance density",
    "ohm*meter": "resistivity", "ohm*meter**2": "resistance of an area", "siemens/meter": "conductivity", "gram": "mass",
    "coulomb/meter**2": "charge density", "pascal": "pressure", "tesla": "magnetic field", "volt/meter": "electric field", "watt": "power", "joule": "energy",
    "candela": "luminous intensity", "candela/meter**2": "luminance",
}  # fmt: skip
"""A unit of each quantity that has a name."""


@cache
def _registry() -> UnitRegistry[float]:
    import pint

    registry: UnitRegistry[float] = pint.UnitRegistry(on_redefinition="ignore")
    # An angle is no pure number here, so that rad/s is not taken for Hz: between them are 2π.
    registry.define("radian = [angle] = rad")
    registry.define("spike = []")
    return registry


@cache
def _names() -> dict[object, str]:
    return {_registry().parse_units(unit).dimensionality: name for unit, name in _NAMED.items()}


def quantity(expression: str) -> str | None:
    """What a unit measures, such as `conductance density`; empty for a pure number, None if it has no name here."""
    dimensions = _registry().parse_units(expression).dimensionality
    return "" if not dimensions else _names().get(dimensions)


@cache
def conversion(given: str, wanted: str) -> tuple[float, float] | None:
    """What a number in one unit is multiplied by, and what is added then, to have it in the other; None if nothing does."""
    if given == wanted:
        return 1.0, 0.0
    registry = _registry()
    source, target = registry.parse_units(given), registry.parse_units(wanted)
    if source.dimensionality != target.dimensionality:
        return None
    zero, one = (float(registry.Quantity(value, source).to(target).magnitude) for value in (0.0, 1.0))
    return one - zero, zero


def are_same(given: str, wanted: str) -> bool:
    """Whether a number means the same in both units."""
    found = conversion(given, wanted)
    return found is not None and math.isclose(found[0], 1.0, rel_tol=1e-9) and abs(found[1]) < 1e-9
