"""Callers of a served model that never stop, and the little bundles that answer them."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx


def bundle_writer() -> Callable[..., Path]:
    """Writes a bundle of the package that the serving tests use."""
    path = Path(__file__).parent / "unit" / "serving" / "conftest.py"
    spec = importlib.util.spec_from_file_location("serving_conftest", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    writer: Callable[..., Path] = module.write_trips
    return writer


def trip(number: int | str, minutes: float = 50.0) -> dict[str, Any]:
    return {"trip": f"T{number}", "km": 10, "minutes": minutes, "city": "Bern"}


@dataclass
class Answer:
    sent_at: float  # seconds, monotonic clock
    took_s: float
    status: int  # 0: no answer at all
    body: Any


@dataclass
class Traffic:
    """Callers that never stop: every answer is kept."""

    url: str
    callers: int = 4
    minutes: tuple[float, ...] = (50.0,)  # one after the other
    pause_s: float = 0.0  # of each caller, between two requests
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> Traffic:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(n,)) for n in range(self.callers)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, caller: int) -> None:
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as client:
            number = 0
            while not self._stop.is_set():
                number += 1
                time.sleep(self.pause_s)
                sent_at = time.monotonic()
                try:
                    sent = {"instances": [trip(f"{caller}-{number}", self._minutes(number))]}
                    response = client.post("/predict", json=sent)
                    took_s = time.monotonic() - sent_at
                    good = response.status_code == 200
                    body = response.json() if good else response.text
                    self.answers.append(Answer(sent_at, took_s, response.status_code, body))
                except httpx.HTTPError as error:
                    self.answers.append(Answer(sent_at, time.monotonic() - sent_at, 0, repr(error)))

    def _minutes(self, number: int) -> float:
        return self.minutes[number % len(self.minutes)]

    def wait_for(self, count: int, *, good: bool = False, timeout_s: float = 120.0) -> None:
        """Until so many more answers came."""
        until = len(self._counted(good)) + count
        deadline = time.monotonic() + timeout_s
        while len(self._counted(good)) < until:
            assert time.monotonic() < deadline, f"{len(self.answers)} answers only"
            time.sleep(0.02)

    def _counted(self, good: bool) -> list[Answer]:
        return [a for a in self.answers if a.status == 200 or not good]

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != 200]

    def acknowledged(self) -> set[str]:
        return {a.body["prediction_ids"][0] for a in self.answers if a.status == 200}
