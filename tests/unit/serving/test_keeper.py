"""The traffic keeper and the dispatchers that follow it, in one event loop."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from nbprod.records import Json, TrafficState
from nbprod.serving import LocalService, PredictRequest, Reply, ServiceOptions
from nbprod.serving.dispatching import Dispatcher
from nbprod.serving.keeper import TrafficKeeper


class OtherProcess:
    """Stands for another release's process: answers with its number, or fails as told."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.failures = 0
        self.asked: list[PredictRequest] = []

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        self.asked.append(request)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the process is gone")
        return Reply(200, {"release": str(self.version), "role": role, "predictions": []})

    async def shadow(self, shown: bytes) -> int:
        raise AssertionError("there is no shadow here")

    async def ping(self) -> None:
        return None

    async def check(self) -> list[Json]:
        return []


def request(number: int = 1) -> PredictRequest:
    row = {"trip": f"T{number}", "km": 1, "minutes": 50.0, "city": "Bern"}
    return PredictRequest([row], "r")


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(scenario(), 30))


async def canary(keeper: TrafficKeeper, fraction: float = 0.5) -> None:
    await keeper.change("deploy", {"version": 1})
    await keeper.change("canary", {"version": 2, "fraction": fraction})


def test_the_state_survives_the_keeper(tmp_path: Path) -> None:
    """A keeper that starts again has the state and the history of the one that died."""

    async def scenario() -> None:
        await canary(TrafficKeeper(str(tmp_path / "traffic.json")))
        again = await TrafficKeeper(str(tmp_path / "traffic.json")).status()
        assert again["traffic"]["roles"] == {"champion": 1, "canary": 2}
        assert [step["action"] for step in again["history"]] == ["deploy", "canary"]

    run(scenario)


def test_a_change_on_a_stale_revision_is_refused(tmp_path: Path) -> None:
    """Compare-and-set: who decided on an old state is told so, and nothing changes."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper)
        refused = await keeper.change("promote", {"revision": 1})
        assert "changed meanwhile" in refused["error"]["message"]
        assert (await keeper.status())["traffic"]["revision"] == 2
        assert "error" not in await keeper.change("promote", {"revision": 2})

    run(scenario)


@pytest.mark.parametrize(
    ("verb", "given"),
    [("fly", {}), ("promote", {}), ("rollback", {}), ("canary", {}), ("traffic", {"fraction": 2})],
)
def test_a_senseless_change_is_an_error_and_changes_nothing(
    tmp_path: Path, verb: str, given: Json
) -> None:
    """An unknown verb, or one the state does not allow, is answered with an error."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await keeper.change("deploy", {"version": 1})
        assert "error" in await keeper.change(verb, given)
        assert (await keeper.status())["traffic"]["revision"] == 1

    run(scenario)


def test_a_full_disk_stops_every_change_but_a_rollback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that cannot be kept is refused; a rollback is made all the same, and says so."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper)

        def full(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(keeper, "_save", full)
        refused = await keeper.change("promote", {})
        assert "No space left" in refused["error"]["message"]
        assert (await keeper.status())["traffic"]["revision"] == 2
        done = await keeper.change("rollback", {})
        assert done["saved"] is False
        assert done["traffic"]["roles"] == {"champion": 1}

    run(scenario)


def test_a_change_is_confirmed_by_those_who_follow_it(local: LocalService, tmp_path: Path) -> None:
    """With live followers a change is confirmed at once; with a dead one within a second."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=OtherProcess)
        await dispatcher.start()
        await asyncio.sleep(0.05)
        done = await keeper.change("traffic", {"fraction": 1.0})
        assert done["confirmed"] is True
        assert done["duration_ms"] < 500
        assert (await dispatcher.answer(request())).body["release"] == "2"
        # A replica that was killed in the middle of its wait never comes back for news.
        gone = asyncio.create_task(keeper.wait("gone", "1", 1, done["traffic"]["revision"]))
        await asyncio.sleep(0.05)
        done = await keeper.change("rollback", {})
        assert done["confirmed"] is False
        assert done["duration_ms"] < 1000
        assert (await dispatcher.answer(request())).body["role"] == "champion"
        await dispatcher.stop()
        await gone

    run(scenario)


def test_each_request_goes_where_the_state_says(local: LocalService, tmp_path: Path) -> None:
    """The champion answers here, the canary's share elsewhere; sticky by the contract's key."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper, 0.4)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=OtherProcess)
        await dispatcher.start()
        roles = [(await dispatcher.answer(request(n))).body["role"] for n in range(200)]
        assert 40 < roles.count("canary") < 120
        again = [(await dispatcher.answer(request(n))).body["role"] for n in range(200)]
        assert roles == again
        await keeper.change("promote", {})
        reply = await dispatcher.answer(request())
        assert (reply.body["release"], reply.body["role"]) == ("2", "champion")
        await keeper.change("rollback", {})
        reply = await dispatcher.answer(request())
        assert (reply.body["release"], reply.body["role"]) == ("3", "champion")
        await dispatcher.stop()

    run(scenario)


def test_previous_answers_in_the_place_of_a_failing_champion(
    bundle: Path, options: ServiceOptions, tmp_path: Path
) -> None:
    """on_unavailable = "previous": the release kept warm answers, flagged; alone it is the error."""

    async def scenario(local: LocalService) -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await keeper.change("deploy", {"version": 2})
        other = OtherProcess(2)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=lambda _: other)
        await dispatcher.start()
        await keeper.change("canary", {"version": 1, "fraction": 1.0})
        await keeper.change("promote", {})
        await asyncio.sleep(0.1)
        row = {"trip": "T", "km": 1, "minutes": 13.0, "city": "Bern"}
        reply = await dispatcher.answer(PredictRequest([row], "r"))
        assert (reply.status, reply.body["release"], reply.body["role"]) == (200, "2", "previous")
        assert other.asked[-1].degraded is True
        other.failures = 10**6
        assert (await dispatcher.answer(PredictRequest([row], "r"))).status == 500
        await dispatcher.stop()

    slow = dataclasses.replace(options, on_unavailable="previous", timeout_s=2.0)
    with LocalService(bundle, slow) as local:
        run(lambda: scenario(local))


def test_a_dead_canary_costs_no_request(local: LocalService, tmp_path: Path) -> None:
    """When the canary's process is gone the champion answers, and it is counted."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper, 1.0)
        other = OtherProcess(2)
        other.failures = 3
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=lambda _: other)
        await dispatcher.start()
        reply = await dispatcher.answer(request())
        assert (reply.status, reply.body["role"], reply.body["release"]) == (200, "champion", "3")
        assert "nbprod_forward_failures_total" in local.service.metrics.render({})
        await dispatcher.stop()

    run(scenario)


def test_a_champion_that_is_slow_to_come_is_tried_again(
    local: LocalService, tmp_path: Path
) -> None:
    """A champion elsewhere is tried until the deadline, never replaced by the old release."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await keeper.change("deploy", {"version": 5})
        other = OtherProcess(5)
        other.failures = 2
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=lambda _: other)
        await dispatcher.start()
        assert (await dispatcher.answer(request())).body["release"] == "5"
        await dispatcher.stop()

    run(scenario)


def test_without_its_keeper_a_replica_keeps_the_last_state(
    local: LocalService, tmp_path: Path
) -> None:
    """The last state stays in force while the keeper cannot be reached, and news come after."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper, 1.0)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=OtherProcess)
        await dispatcher.start()
        wait = keeper.wait

        async def unreachable(*_: Any) -> Json:
            raise ConnectionError

        keeper.wait = unreachable  # type: ignore[method-assign]
        await asyncio.sleep(2.2)  # the wait that was open comes back by itself
        assert (await dispatcher.answer(request())).body["release"] == "2"
        keeper.wait = wait  # type: ignore[method-assign]
        await keeper.change("rollback", {})
        await asyncio.sleep(0.3)
        assert (await dispatcher.answer(request())).body["role"] == "champion"
        await dispatcher.stop()

    run(scenario)


def test_admin_verbs_reach_the_keeper(local: LocalService, tmp_path: Path) -> None:
    """Rollback says how long it took and that the release was verified; others are refused."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=OtherProcess)
        await dispatcher.start()
        await asyncio.sleep(0.05)
        done = await dispatcher.administer("rollback", {"by": "me"})
        assert done.status == 200
        assert done.body["verified"] is True
        assert done.body["traffic"]["roles"] == {"champion": 1}
        assert (await dispatcher.administer("rollback", {})).status == 409
        assert (await dispatcher.administer("deploy", {"version": 9})).status == 404
        status = (await dispatcher.administer("", {})).body
        assert status["history"][-1]["by"] == "me"
        assert TrafficState.from_json(status["traffic"]).roles == {"champion": 1}
        await dispatcher.stop()

    run(scenario)


def test_the_deadline_holds_for_a_forwarded_request(
    bundle: Path, options: ServiceOptions, tmp_path: Path
) -> None:
    """A release that never answers is 504 at the deadline."""

    async def scenario(local: LocalService) -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await keeper.change("deploy", {"version": 5})
        other = OtherProcess(5)
        other.failures = 10_000
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=lambda _: other)
        await dispatcher.start()
        reply = await dispatcher.answer(request())
        assert reply.status == 504
        assert reply.headers["Retry-After"] == "1"
        await dispatcher.stop()

    with LocalService(bundle, dataclasses.replace(options, timeout_s=0.5)) as local:
        run(lambda: scenario(local))


def test_requests_and_errors_are_tallied_by_role(local: LocalService, tmp_path: Path) -> None:
    """The keeper knows what each role did since the present state began; a new one starts at 0."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper, 0.5)
        other = OtherProcess(2)
        other.failures = 5
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=lambda _: other)
        await dispatcher.start()
        replies = [await dispatcher.answer(request(n)) for n in range(60)]
        assert all(reply.status == 200 for reply in replies)
        await asyncio.sleep(2.2)  # the open wait comes back and brings the counts
        tally = (await keeper.status())["tally"]
        assert tally["canary"]["errors"] == 5
        # The champion stood in five times: those requests count for both.
        assert tally["canary"]["requests"] + tally["champion"]["requests"] == 65
        await keeper.change("traffic", {"fraction": 1.0})
        assert (await keeper.status())["tally"] == {}
        await dispatcher.stop()

    run(scenario)


def test_a_named_routing_key_decides(local: LocalService, tmp_path: Path) -> None:
    """A caller's key wins over the contract's: one user stays on one side for every trip."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper, 0.5)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=OtherProcess)
        await dispatcher.start()
        for user in ("ann", "bob", "cyn"):
            sent = [dataclasses.replace(request(n), routing_key=user) for n in range(20)]
            roles = {(await dispatcher.answer(one)).body["role"] for one in sent}
            assert len(roles) == 1
        await dispatcher.stop()

    run(scenario)


def test_pause_resume_and_abort(tmp_path: Path) -> None:
    """A pause is in the state and in the history; an abort ends the canary, once."""

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper)
        assert (await keeper.change("pause", {"by": "me"}))["traffic"]["paused"] is True
        assert (await keeper.change("resume", {}))["traffic"]["paused"] is False
        evidence = {"reason": "error_rate"}
        done = await keeper.change("abort", {"evidence": evidence})
        assert done["traffic"]["roles"] == {"champion": 1}
        assert (await keeper.status())["history"][-1]["evidence"] == evidence
        assert "error" in await keeper.change("abort", {})

    run(scenario)


@pytest.mark.parametrize("trouble", ["hangs", "cannot compute"])
def test_a_canary_in_trouble_costs_no_request(
    local: LocalService, tmp_path: Path, trouble: str
) -> None:
    """A canary that hangs, or answers 500, is answered for by the champion before the deadline."""

    class Troubled(OtherProcess):
        async def answer(self, request: PredictRequest, role: str) -> Reply:
            if trouble == "hangs":
                await asyncio.sleep(60)
            return Reply(500, {"detail": "no"})

    async def scenario() -> None:
        keeper = TrafficKeeper(str(tmp_path / "traffic.json"))
        await canary(keeper, 1.0)
        dispatcher = Dispatcher(local.service, 1, keeper=keeper, worker=Troubled)
        await dispatcher.start()
        reply = await dispatcher.answer(request())
        assert (reply.status, reply.body["role"]) == (200, "champion")
        await asyncio.sleep(2.2)
        tally = (await keeper.status())["tally"]
        assert tally["canary"] == {"requests": 1, "errors": 1}
        await dispatcher.stop()

    run(scenario)
