"""Live requests shown to shadows, in one event loop with the keeper and the dispatcher."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nbprod.records import Json
from nbprod.serving import LocalService, PredictRequest, Reply
from nbprod.serving.dispatching import Dispatcher
from nbprod.serving.keeper import TrafficKeeper
from nbprod.serving.shadowing import ShadowMirror, shown_requests


class Shadow:
    """Stands for a shadow's process: keeps what it was shown, slow or failing as told."""

    def __init__(self, version: int = 7, *, delay_s: float = 0.0, broken: bool = False) -> None:
        self.version, self.delay_s, self.broken = version, delay_s, broken
        self.shown: list[PredictRequest] = []
        self.calls = 0

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        raise AssertionError("a shadow answers nobody")

    async def shadow(self, shown: bytes) -> int:
        await asyncio.sleep(self.delay_s)
        if self.broken:
            raise ConnectionError("the process is gone")
        self.calls += 1
        self.shown += shown_requests(shown)
        return 0

    async def ping(self) -> None:
        return None

    async def check(self) -> list[Json]:
        return []


def request(number: int = 1) -> PredictRequest:
    row = {"trip": f"T{number}", "km": 1, "minutes": 50.0, "city": "Bern"}
    return PredictRequest([row], "r")


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 30))


def dropped(local: LocalService) -> bool:
    return "nbprod_shadow_rows_dropped_total" in local.service.metrics.render({})


def test_a_shadow_sees_each_live_row_beside_its_prediction(
    local: LocalService, tmp_path: Path
) -> None:
    """Every answered row reaches it with the live prediction's id, many rows in few calls."""

    async def scenario() -> None:
        keeper, shadow = TrafficKeeper(str(tmp_path / "traffic.json")), Shadow()
        await keeper.change("deploy", {"version": 1})
        await keeper.change("shadow", {"version": 7})
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=lambda _: shadow)
        await dispatcher.start()
        replies = await asyncio.gather(*(dispatcher.answer(request(n)) for n in range(50)))
        while len(shadow.shown) < 50:
            await asyncio.sleep(0.01)
        live = {reply.body["prediction_ids"][0] for reply in replies}
        assert {one.shadow_of[0] for one in shadow.shown} == live
        assert shadow.calls < 10
        await keeper.change("unshadow", {"version": 7})
        await asyncio.sleep(0.1)
        await dispatcher.answer(request())
        await asyncio.sleep(0.3)
        assert len(shadow.shown) == 50
        await dispatcher.stop()

    run(scenario)


def test_a_refused_row_and_a_partial_answer(local: LocalService) -> None:
    """Only what was answered is shown: a refused request not at all, a part as that part."""

    async def scenario() -> None:
        shadow = Shadow()
        mirror = ShadowMirror(lambda _: shadow, local.service.metrics)
        mirror.follow([7])
        rows = [request(1).rows[0], {"km": "x"}, request(2).rows[0]]
        mirror.offer(PredictRequest(rows, "r"), Reply(422, {}))
        body = {"prediction_ids": ["a", "b"], "rows": [0, 2]}
        mirror.offer(PredictRequest(rows, "r", partial=True), Reply(200, body))
        while not shadow.shown:
            await asyncio.sleep(0.01)
        assert [one.rows for one in shadow.shown] == [[rows[0], rows[2]]]
        assert shadow.shown[0].shadow_of == ("a", "b")
        await mirror.stop()

    run(scenario)


def test_a_slow_shadow_delays_nobody_and_its_drops_are_counted(local: LocalService) -> None:
    """With a shadow that hangs, offering costs nothing; what has no room is counted."""

    async def scenario() -> None:
        mirror = ShadowMirror(lambda _: Shadow(delay_s=60), local.service.metrics)
        mirror.follow([7])
        many = PredictRequest([request().rows[0]] * 1000, "r")
        for _ in range(7):
            mirror.offer(many, Reply(200, {"prediction_ids": ["x"] * 1000}))
            await asyncio.sleep(0.03)
        assert dropped(local)
        await mirror.stop()

    run(scenario)


def test_a_dead_shadow_is_counted_and_fails_no_request(local: LocalService, tmp_path: Path) -> None:
    """The live answer is the champion's, whatever becomes of the shadow."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await keeper.change("deploy", {"version": 1})
        await keeper.change("shadow", {"version": 7})
        dead = Shadow(broken=True)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=lambda _: dead)
        await dispatcher.start()
        assert (await dispatcher.answer(request())).status == 200
        while not dropped(local):
            await asyncio.sleep(0.01)
        await dispatcher.stop()

    run(scenario)
