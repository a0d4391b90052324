"""Models are tried in a process of their own: none of them hangs, ends or starves the process that asks."""

from __future__ import annotations

import dataclasses
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from rigs import hostile_models as hostile
from rigs.hostile_models import bundle, op
from rigs.tiny_bundle import HORIZON, tiny_onnx

from ankle_predictor.model.bundle import Bundle, load_bundle, model_directories
from ankle_predictor.model.features import MIRROR, FeatureSpec
from ankle_predictor.model.manifest import BundleError, Canary
from ankle_predictor.trust import reference_walk as reference_module
from ankle_predictor.trust.model_trial import ModelTrial
from ankle_predictor.trust.reference_walk import Walk, reference_walk
from ankle_predictor.trust.trial_child import CPU_TIME

BASE = load_bundle("base", model_directories())


def refusal(tried: Bundle, in_use: Bundle | None = None, walk: Walk | None = None) -> str:
    with pytest.raises(BundleError) as caught:
        ModelTrial().run(tried, in_use, walk)
    assert caught.value.code == "REJECTED"
    assert len(str(caught.value)) <= 300
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_base_model_is_accepted_with_its_figures() -> None:
    score = ModelTrial().run(BASE, BASE, reference_walk())
    assert score.problem() == ""
    assert score.reference.model == score.reference.in_use < 0.7 * score.reference.persistence
    assert score.wearer is not None
    assert score.wearer[:4] == score.reference[:4]
    for figure in ("on the wearer's last", "on the reference walk", "deg off, the model in use", "persistence"):
        assert figure in score.sentence()


@contextmanager
def largest_trial() -> Iterator[list[int]]:
    """The resident memory of trials, in bytes, every 10 ms; what the system says afterwards is their parent's, too."""
    sizes, over = list[int](), threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            for child in psutil.Process().children():
                with suppress(psutil.Error):  # it has ended meanwhile
                    if any("trial_child" in word or "model_trial" in word for word in child.cmdline()):
                        sizes.append(child.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
        thread.join()


SLOW = "too long for a window|forecast takes|computed for more than|does not end"  # whichever limit it reaches first
PADS = {"pads": np.array([0, 0, 0, 2**40])}


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (lambda: hostile.slow(1500), SLOW),
        (lambda: hostile.slow(400), SLOW),
        (lambda: hostile.large(40), "more than 384 MiB"),
        (lambda: hostile.large(24), "more than 384 MiB"),
        (lambda: hostile.network([op("Pad", ["m", "pads"], ["z"])], PADS), "more than 384 MiB"),
    ],
    ids=["hangs", "slow", "endless memory", "much memory", "pads"],
)
def test_a_model_that_needs_too_much_is_refused_in_time(network: Callable[[], bytes], sentence: str) -> None:
    tried, before = bundle(network(), asked=False), resource.getrusage(resource.RUSAGE_CHILDREN)
    with largest_trial() as sizes:
        message = refusal(tried)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert any(part in message for part in sentence.split("|")), message
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < CPU_TIME + 4.0
    assert 2**20 < max(sizes) < 500 * 2**20


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (hostile.mirrored, "clearly worse than no change at all: on the reference walk it is"),
        (lambda: hostile.constant(0.4), "clearly worse than no change"),
        (hostile.without_width, "0.00 deg wide"),
        (hostile.inverted_when_moving, "outside their own interval"),
        (hostile.not_finite_when_moving, "not finite"),
        (lambda: bundle(hostile.reading(hostile.ANGLE, np.full(HORIZON, 12.0))), "no ankle reaches"),
        (lambda: bundle(tiny_onnx(FeatureSpec(window=2000)), spec=FeatureSpec(window=2000, rate=50.0)), "too long"),
    ],
)
def test_a_model_that_agrees_with_its_own_canary_and_forecasts_badly_is_refused(
    model: Callable[[], Bundle], sentence: str
) -> None:
    assert sentence in refusal(model())


def test_a_model_clearly_worse_than_the_one_in_use_is_refused_with_the_figures() -> None:
    persistence = hostile.constant(0.01)
    ModelTrial().run(persistence)  # alone it may be used: it is no worse than no change at all
    message = refusal(persistence, in_use=BASE)
    assert "clearly worse than the model in use: on the reference walk it is 7." in message
    assert "the model in use 2." in message
    assert "persistence 7." in message


def wearer(scale: float) -> Walk:
    """The reference walk of somebody whose ankle moves more, or less."""
    walk = reference_walk()
    features = walk.features.copy()
    features[:, hostile.ANGLE] *= scale
    return dataclasses.replace(walk, angle=walk.angle * scale, features=features)


def test_the_wearers_own_walk_counts() -> None:
    offset = hostile.constant(0.2)
    rest = wearer(0.0)
    assert ModelTrial().run(hostile.constant(0.01), None, rest).wearer is None  # standing says nothing
    message = refusal(offset, None, wearer(0.5))
    assert "on the wearer's last 34 s" in message


def test_a_model_of_the_other_leg_sees_the_walk_mirrored() -> None:
    walk = reference_walk()
    assert walk.side == "right"
    np.testing.assert_array_equal(walk.rows_for("left"), walk.features * MIRROR)
    left = dataclasses.replace(BASE, manifest=dataclasses.replace(BASE.manifest, side="left"))
    score = ModelTrial().run(left, BASE)
    assert score.reference.model != score.reference.in_use


def test_a_canary_that_disagrees_is_refused_there_too() -> None:
    tiny = hostile.constant(0.01)
    other = Canary(tiny.manifest.canary.window, tuple(a + 0.01 for a in tiny.manifest.canary.angle))
    wrong = dataclasses.replace(tiny, manifest=dataclasses.replace(tiny.manifest, canary=other))
    assert "rad off what it was" in refusal(wrong)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def tried(trial: ModelTrial, messages: list[str], count: int) -> list[threading.Thread]:
    """Begin ``count`` trials of a model that takes long, each in a thread; what they say goes to ``messages``."""

    def run() -> None:
        try:
            trial.run(bundle(hostile.slow(1500), asked=False))
        except BundleError as error:
            messages.append(str(error))

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    until(lambda: bool(psutil.Process().children()))
    return threads


def test_a_stopped_trial_ends_at_once_and_no_other_begins() -> None:
    trial, messages = ModelTrial(), list[str]()
    (thread,) = tried(trial, messages, 1)
    started = time.monotonic()
    trial.stop()
    thread.join(10.0)
    assert time.monotonic() - started < 5.0
    assert messages == ["model hostile is not used: the node ends"]
    with pytest.raises(BundleError, match="the node ends"):
        trial.run(BASE)


def test_one_trial_waits_for_another_and_both_end_when_they_are_stopped() -> None:
    """As when a model is loaded while another one, adapted to the wearer, is being tried."""
    trial, messages = ModelTrial(), list[str]()
    threads = tried(trial, messages, 2)
    time.sleep(0.5)
    assert len(psutil.Process().children()) == 1
    trial.stop()
    for thread in threads:
        thread.join(10.0)
    assert messages == ["model hostile is not used: the node ends"] * 2
    assert not psutil.Process().children()


def test_a_reference_walk_that_was_changed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "walk.npz"
    changed.write_bytes(reference_module.FILE.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(reference_module, "FILE", changed)
    with pytest.raises(Exception, match="install the package again"):
        reference_walk()
