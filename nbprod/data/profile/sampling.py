"""Rows that wait to be profiled: all of them, or under load a random sample that is small."""

from __future__ import annotations

import random
from typing import Any

from nbprod.data.prediction_log.sheets import prediction_at, size


class Sample:
    """Some of the rows that were added; each has the same chance to be among them.

    most: rows that are kept. Where more come, each stays with one chance in two, and each that
    comes later is kept with that chance: rows that lie long in memory cost the processor's
    caches more than profiling them does. dice: the chance. ``seen``: rows that came.
    """

    def __init__(self, most: int, dice: random.Random | None = None) -> None:
        self._most = most
        self._dice = dice or random.Random()  # noqa: S311 - a sample is no secret
        self._entries: list[Any] = []
        self._rows = 0
        self._chance = 1.0
        self.seen = 0

    def add(self, record: Any) -> None:
        """A row, or a sheet of the prediction log with as many rows as it holds."""
        count = size(record)
        self.seen += count
        if self._chance == 1.0:
            self._entries.append(record)
            self._rows += count
        else:
            self._add_some(record, self._chance)
        while self._rows > self._most:
            before, self._entries, self._rows = self._entries, [], 0
            self._chance /= 2
            for kept in before:
                self._add_some(kept, 0.5)

    def take(self, most: int) -> list[Any]:
        """At most so many of the rows, each by itself."""
        places = [(record, at) for record in self._entries for at in range(size(record))]
        if len(places) > most:
            places = self._dice.sample(places, most)
        return [prediction_at(record, at) for record, at in places]

    def _add_some(self, record: Any, chance: float) -> None:
        for place in range(size(record)):
            if self._dice.random() < chance:
                self._entries.append(prediction_at(record, place))
                self._rows += 1
