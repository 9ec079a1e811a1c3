"""Which ports and parameters are physical quantities, and name no unit."""

from __future__ import annotations

import re

from neuroworkflow_agent.nodes.definition import Parameter, Port
from neuroworkflow_agent.nodes.units import is_physical, units_in

_NUMBERS = frozenset({"INT", "FLOAT"})
_COLLECTIONS = frozenset({"LIST", "DICT", "ANY"})
_COUNT = re.compile(
    r"\b(?:every|number of|how many|this many)\b|\b(?:iterations?|samples|trials|epochs?|episodes?|runs|frames|data points)\b|\((?:int|integer)\)",
    re.IGNORECASE,
)
"""Words of a whole number that counts things, and is no quantity."""


def port_lacks_unit(port: Port) -> bool:
    """Whether a port's values are of a physical quantity and its words name no unit.

    Notes
    -----
    What a number is, its name or its description tells. The description of a list or dict speaks of keys and of
    where it goes, too, so that only its name counts. An object brings its own units along.
    """
    description = port.description or ""
    if port.type not in _NUMBERS | _COLLECTIONS:
        return False
    is_quantity = is_physical(port.name, description if port.type in _NUMBERS else "")
    return is_quantity and not units_in(port.name, description)


def parameter_lacks_unit(parameter: Parameter) -> bool:
    """Whether a parameter's default is a number of a physical quantity, and neither its words nor its `unit` name one."""
    default, description = parameter.default, parameter.description or ""
    if not isinstance(default, int | float) or isinstance(default, bool) or parameter.unit:
        return False
    if isinstance(default, int) and _COUNT.search(description):
        return False
    return is_physical(parameter.name, description) and not units_in(parameter.name, description)
