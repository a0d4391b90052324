"""A short part of each fuzzer, and what it counts as a fault."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from rigs.readers import compute, end, fail, make_nothing, refuse, refuse_in_lines, use_memory

from benchmarks import fuzz_runner
from benchmarks.fuzz import KINDS, figures
from benchmarks.fuzz_kind import Kind
from benchmarks.fuzz_runner import ENDED, HANG, MEMORY, READ, REFUSED, SENTENCE, TRACEBACK, run

CASES = 40


@pytest.mark.parametrize("name", KINDS)
def test_every_file_is_read_or_refused_in_a_sentence(name: str) -> None:
    found = figures(run(KINDS[name], range(CASES)))
    assert found["faults"] == []
    assert found["tried"] == CASES
    assert found[READ] > 0
    assert found[REFUSED] > 0


@pytest.mark.parametrize(
    ("read", "verdict"),
    [
        (str, READ),
        (refuse, REFUSED),
        (fail, TRACEBACK),
        (refuse_in_lines, SENTENCE),
        (end, ENDED),
        (use_memory, MEMORY),
        (compute, HANG),
    ],
)
def test_each_fault_is_found_and_the_next_case_is_run(
    read: object, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz_runner, "MOST_SECONDS", 0.3 if verdict == HANG else 5.0)
    monkeypatch.setattr(fuzz_runner, "MOST_MEGABYTES", 200.0)
    kind = Kind("any", 2, make_nothing, read)  # type: ignore[arg-type]
    assert [outcome.verdict for outcome in run(kind, range(2))] == [verdict] * 2


def test_a_case_is_the_same_in_every_run(tmp_path: Path) -> None:
    for name in ("calibrations", "yaml", "txt"):
        contents = []
        for turn in ("a", "b"):
            folder = tmp_path / name / turn
            folder.mkdir(parents=True)
            contents.append(KINDS[name].make(Random(f"{name} 7"), folder).read_bytes())
        assert contents[0] == contents[1]
