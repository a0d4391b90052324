"""What the benchmark of faults counts as said, wrong and recovered, and some kinds of each group of streams."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
from random import Random
from typing import Any

import pytest
from std_srvs.srv import Trigger

from ankle_predictor.trust.status import Status
from benchmarks.fault_chain import WRONG_ANGLE, Answer
from benchmarks.fault_files import FILE_FAULTS, FileFault, run_file_fault
from benchmarks.fault_requests import REQUEST_FAULTS, Leg, RequestFault, run_requests
from benchmarks.fault_sensors import STREAM_KINDS
from benchmarks.fault_streams import Kind
from benchmarks.faults import Outcome, judge, other_rows, run_kind, table

KIND = Kind("sensors", "any", lambda fault: pytest.fail("not run"))


def answer(time: float, status: Status = Status.OK, error: float = math.nan, sentence: str = "") -> Answer:
    return Answer(time, status, sentence, published=not math.isnan(error), error=error)


def test_what_never_came_is_null_in_the_figures() -> None:
    outcome = Outcome(tried=2, said=[0.3, math.inf], recovered=[math.inf, math.inf], words={"stale", "clock"})
    figures = json.loads(json.dumps(outcome.figures(KIND), allow_nan=False))
    assert (figures["said"], figures["recovered"]) == ([0.3, None], [None, None])
    assert (figures["kind"], figures["tried"], figures["words"]) == ("any", 2, ["clock", "stale"])


def test_what_is_counted() -> None:
    outcome = Outcome()
    answers = [
        answer(6.9, error=9.0),  # before it
        answer(7.0, error=0.5 * WRONG_ANGLE),
        answer(7.1, error=1.1 * WRONG_ANGLE),
        answer(7.2, Status.OVERRUN | Status.UNFAMILIAR, error=0.0),
        answer(7.3, Status.SENSOR_SUSPECT),
        answer(12.1, error=2.0 * WRONG_ANGLE),
        answer(12.5, error=0.0),
    ]
    judge(outcome, KIND, answers, 7.0, 12.0)
    assert (outcome.tried, outcome.survived, outcome.forecasts, outcome.wrong) == (1, 1, 5, 2)
    assert outcome.said == pytest.approx([0.3])
    assert outcome.recovered == pytest.approx([0.5])
    assert outcome.words == {"sensor suspect"}
    assert outcome.problem(KIND) == "wrong forecasts"
    row = table([(KIND, outcome)]).splitlines()[-1]
    assert row == "| sensors | any | 1 | 1 | 2 of 5 | 0.3 / 0.3 | 0.5 / 0.5 | until it is told |"


def test_what_never_comes_back_has_not_survived() -> None:
    outcome = Outcome()
    judge(outcome, KIND, [answer(7.0, sentence="no gravity"), answer(13.0)], 7.0, 12.0)
    assert (outcome.survived, outcome.forecasts, outcome.recovered) == (0, 0, [math.inf])
    assert outcome.problem(KIND) == "does not come back"


@pytest.mark.parametrize(
    "name", ["a second driver, another wearer", "stamps -0.2 s from the clock", "gyro z of the shank frozen"]
)
def test_nothing_wrong_is_forecast(name: str) -> None:
    (number,) = (n for n, kind in enumerate(STREAM_KINDS) if kind.name == name)
    outcome = run_kind(number, phases=1, seed=5)
    assert (outcome.survived, outcome.tried) == (1, 1)
    assert outcome.wrong <= 2  # while a frozen axis cannot be told yet
    assert outcome.said[0] < 0.4
    assert outcome.forecasts > 0


def test_each_kind_has_a_name_of_its_own() -> None:
    names = [f"{kind.group}: {kind.name}" for kind in STREAM_KINDS]
    assert len(set(names)) == len(names) > 80


@pytest.mark.parametrize("fault", FILE_FAULTS, ids=lambda fault: fault.name)
def test_a_file_of_each_kind_is_read_or_refused_in_a_sentence(fault: FileFault) -> None:
    one = dataclasses.replace(fault, kind=dataclasses.replace(fault.kind, cases=1))
    outcome = run_file_fault(one, 1, seed=1)
    assert (outcome.tried, outcome.survived, outcome.faults) == (1, 1, [])
    assert f"| {fault.group} | {fault.name} | 1 | 1 | – |" in other_rows([(one, outcome)])


def test_nodes_outlive_requests_of_each_kind_and_a_process_that_ends_has_not_survived() -> None:
    def end(leg: Leg, _: Random) -> list[Any]:
        os.kill(leg.pid, signal.SIGKILL)
        return [leg.call(Trigger, "orientation_filter/reset")]

    killed = RequestFault("requests", "the process is killed", end)
    *outlived, ended, later = run_requests([*REQUEST_FAULTS, killed, REQUEST_FAULTS[0]], 1, seed=2)
    assert [(o.tried, o.survived, o.faults) for o in outlived] == [(1, 1, [])] * len(REQUEST_FAULTS)
    assert (ended.tried, ended.survived) == (1, 0)
    assert "the process ended with -9" in ended.faults[0]
    assert ended.seconds == ended.recovered == [math.inf]
    assert (later.tried, later.faults) == (0, ["the process had ended before"])


def test_a_file_whose_reader_ends_in_a_traceback_has_not_survived() -> None:
    bug = dataclasses.replace(FILE_FAULTS[3].kind, cases=2, read=os.mkfifo)  # the file is there already
    outcome = run_file_fault(dataclasses.replace(FILE_FAULTS[3], kind=bug), 1, seed=1)
    assert (outcome.tried, outcome.survived) == (2, 0)
    assert all("traceback" in fault and "FileExistsError" in fault for fault in outcome.faults)
