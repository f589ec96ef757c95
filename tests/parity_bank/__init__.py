"""The bank: transforms as notebooks and services hold them, each with the code it must get.

A case is a transform and how it is examined: ``rows`` changes the frame, ``state`` makes the
state, ``contract`` is True for the contract that the rows suggest, or a mapping of changes to
its rules; whatever else is there goes to `check_parity` as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from nbprod.data.contract import infer_contract
from nbprod.records import ColumnRule, DataContract
from parity_bank import flights, histories, neighbours, orders, services, wires


@dataclass(frozen=True)
class Case:
    """One transform, how it is examined, and the code it must get; "" where it is clean."""

    transform: Any
    code: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    home: Any = orders

    @property
    def name(self) -> str:
        """The transform, its serve path, and whether a contract comes along."""
        parts = [self.transform, self.arguments.get("serve_path")]
        names = [getattr(p, "__name__", type(p).__name__) for p in parts if p is not None]
        more = [key for key in ("contract", "label", "time") if key in self.arguments]
        return "-".join([self.code or "clean", *names, *more])

    def prepared(self) -> dict[str, Any]:
        """The arguments of `check_parity` for this case."""
        arguments = dict(self.arguments)
        flying = self.home is flights
        frame = flights.rows() if flying else orders.orders()
        change = arguments.pop("rows", lambda frame: frame)
        frame = change(frame)
        state = arguments.pop("state", flights.State if flying else orders.Learned)()
        wanted = arguments.pop("contract", None)
        if wanted:
            changes = {} if wanted is True else dict(wanted)
            if bounds := getattr(change, "bounds", None):
                changes["rebate"] = bounds
            label = "late" if flying else "bought"
            kept = flying and "label" not in arguments
            frame = frame.drop(columns=[label]) if kept else frame
            arguments["contract"] = self._contract(frame, state, label, changes)
        return {"rows": frame, "state": state, **arguments}

    def _contract(self, frame: Any, state: Any, label: str, changes: Any) -> DataContract:
        given = frame.copy()
        features = self.transform(given) if state is None else self.transform(given, state)
        made = infer_contract(
            frame,
            features if isinstance(features, pd.DataFrame) else frame.iloc[:, :0],
            pd.DataFrame({label: [0.1, 0.9]}),
            package="bank",
            key=(),
            time="",
            not_inputs={label},
        )
        rules = [
            ColumnRule.from_json({**rule.to_json(), **changes.get(rule.name, {})})
            for rule in made.input
        ]
        told = {**made.to_json(), "input": [rule.to_json() for rule in rules]}
        return DataContract.from_json(told)


MODULES = (flights, neighbours, histories, wires, services)
SKEWED = [
    Case(transform, code, arguments, flights if module is flights else orders)
    for module in MODULES
    for code, transform, arguments in module.SKEWED
]
CLEAN = [
    Case(transform, "", arguments, flights if module is flights else orders)
    for module in MODULES
    for transform, arguments in module.CLEAN
]
