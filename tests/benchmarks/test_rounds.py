from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.goals import GOALS
from tests.benchmarks.rounds import MeasurementFailed, measure_in_process, run_rounds


def test_the_flavours_take_turns_and_a_round_ends_before_the_next() -> None:
    asked: list[tuple[str, str]] = []

    def measure(flavour: str, workload: str) -> float:
        asked.append((workload, flavour))
        return 1.0

    run_rounds(["idle_memory", "route_path"], 2, measure, with_floor=False, progress=False)
    once = [
        (name, who) for name in ("idle_memory", "route_path") for who in ("runtime", "channels")
    ]
    assert asked == once * 2


def test_what_is_observed_and_the_floor_are_measured_in_the_same_round() -> None:
    samples, _ = run_rounds(
        ["async_echo"], 2, lambda flavour, name: 2.0, with_floor=True, progress=False
    )
    assert list(samples["async_echo"]) == ["runtime", "channels", "bare", "observed"]
    assert list(samples["async_echo"].values()) == [[2.0, 2.0]] * 4


def test_what_takes_long_is_measured_less_often() -> None:
    samples, _ = run_rounds(
        ["broadcast_5000"], 9, lambda flavour, name: 1.0, with_floor=False, progress=False
    )
    assert len(samples["broadcast_5000"]["runtime"]) == GOALS["broadcast_5000"].most_rounds < 9


def test_a_workload_that_fails_is_reported_once_and_the_others_go_on() -> None:
    def measure(flavour: str, workload: str) -> float:
        if workload == "async_echo":
            raise MeasurementFailed(flavour, workload, "no such consumer")
        return 1.0

    samples, failures = run_rounds(
        ["async_echo", "route_path"], 2, measure, with_floor=False, progress=False
    )
    assert [str(one) for one in failures] == ["async_echo on runtime failed:\nno such consumer"]
    assert samples["route_path"]["channels"] == [1.0, 1.0]


def test_a_process_measures_and_one_that_cannot_says_why() -> None:
    measure = measure_in_process(Path(sys.executable), 0.01)
    assert measure("runtime", "route_static") > 0
    with pytest.raises(MeasurementFailed, match="invalid choice"):
        measure("runtime", "no_such_workload")


def test_a_wrong_argument_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["-k", "no_such_workload"])
    assert "there are async_echo" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--channels-python", "/nowhere/python"])
    assert "make bench" in capsys.readouterr().err
