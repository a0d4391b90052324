"""Bundles on disk: a written bundle is read back unchanged, and everything else is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.mutated_documents import every_place, mutated, parent_of
from rigs.repository import REPOSITORY
from rigs.tiny_bundle import KERAS, tiny_manifest

from ankle_predictor.model import bundle as bundle_module
from ankle_predictor.model.bundle import load_bundle, model_directories, write_bundle
from ankle_predictor.model.features import FeatureSpec
from ankle_predictor.model.manifest import BundleError, Familiarity, Manifest, MemorySettings

FILES = ("bundle.json", "model.onnx", "model.keras")
SPEC = FeatureSpec(window=3)
WIDTH = len(SPEC.names)
MANIFEST = dataclasses.replace(
    tiny_manifest("tiny", SPEC),
    familiarity=Familiarity((0.0,) * WIDTH, ((1.0,) * WIDTH,) * WIDTH, 3.0, 2.0, "made up for tests"),
    memory=MemorySettings(),
)
DOCUMENT = json.loads(json.dumps(MANIFEST.to_json()))
ONNX = b"network " * 20


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A model directory with the one bundle ``tiny``."""
    write_bundle(tmp_path / "models" / "tiny", MANIFEST, ONNX, KERAS)
    return tmp_path / "models"


@pytest.fixture(scope="module")
def shared_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = tmp_path_factory.mktemp("models")
    write_bundle(models / "tiny", MANIFEST, ONNX, KERAS)
    return models


def refusal(model: str, *directories: Path) -> BundleError:
    with pytest.raises(BundleError) as caught:
        load_bundle(model, directories)
    sentence = str(caught.value)
    assert sentence
    assert "\n" not in sentence
    assert len(sentence) < 1000
    return caught.value


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change ``bundle.json`` and correct its digest."""
    document = json.loads(path.read_text())
    change(document)
    document.pop("digest", None)
    body = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in document.items())
    path.write_bytes(with_digest(f"{body}\n}}\n".encode()))


def with_digest(body: bytes) -> bytes:
    """The bytes of a ``bundle.json`` with the right digest and ``body`` after it."""
    data = b'{\n"digest": "' + b"0" * 64 + b'",\n' + body
    return data.replace(b"0" * 64, hashlib.sha256(data).hexdigest().encode(), 1)


def test_a_written_bundle_is_read_back(models: Path) -> None:
    bundle = load_bundle("tiny", [models])
    files = {"model.onnx": ONNX, "model.keras": KERAS}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    assert bundle.manifest == dataclasses.replace(MANIFEST, files=digests)
    assert (bundle.name, bundle.path, bundle.onnx, bundle.keras) == ("tiny", models / "tiny", ONNX, KERAS)
    assert sorted(p.name for p in models.iterdir()) == ["tiny"]
    assert sorted(p.name for p in bundle.path.iterdir()) == sorted(FILES)


def test_a_bundle_is_found_by_name_by_path_and_in_the_first_directory_that_has_it(models: Path, tmp_path: Path) -> None:
    write_bundle(models / "users" / "ann", MANIFEST, ONNX, KERAS)
    write_bundle(tmp_path / "first" / "tiny", MANIFEST, b"other", KERAS)
    assert load_bundle("users/ann", [models]).name == "users/ann"
    assert load_bundle(str(models / "users" / "ann"), [tmp_path / "first", models]).name == "users/ann"
    assert load_bundle("tiny", [tmp_path / "none", tmp_path / "first", models]).onnx == b"other"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_any_flipped_bit_is_detected(shared_models: Path, name: str, where: float, bit: int) -> None:
    path = shared_models / "tiny" / name
    original = path.read_bytes()
    damaged = bytearray(original)
    damaged[int(where * len(damaged))] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        assert refusal("tiny", shared_models).code == "CORRUPT"
    finally:
        path.write_bytes(original)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), st.floats(0, 1, exclude_max=True), st.binary(max_size=3))
def test_any_truncation_or_addition_is_detected(shared_models: Path, name: str, where: float, more: bytes) -> None:
    path = shared_models / "tiny" / name
    original = path.read_bytes()
    try:
        for damaged in (original[: int(where * len(original))], original + more + b" "):
            path.write_bytes(damaged)
            assert refusal("tiny", shared_models).code == "CORRUPT"
    finally:
        path.write_bytes(original)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_after_a_right_digest_are_refused_in_a_sentence(shared_models: Path, body: bytes) -> None:
    path = shared_models / "tiny" / "bundle.json"
    original = path.read_bytes()
    path.write_bytes(with_digest(body))
    try:
        assert refusal("tiny", shared_models).code == "CORRUPT"
    finally:
        path.write_bytes(original)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'"a": NaN}', b'"a": 1, "a": 2}', b'"a": ' + b"9" * 5000 + b"}", b"}"]
)
def test_odd_json_is_refused_in_a_sentence(models: Path, body: bytes) -> None:
    (models / "tiny" / "bundle.json").write_bytes(with_digest(body))
    assert refusal("tiny", models).code == "CORRUPT"


PLACES = [p for p in every_place(DOCUMENT) if p[0] not in ("format", "version", "files")]


WRONG = [(place, wrong) for place in PLACES for wrong in ({"x": [1]}, -1e300, True)]
WRONG.remove((("output", "offset"), True))  # which is right there


@pytest.mark.parametrize(("place", "wrong"), WRONG, ids=lambda v: ".".join(map(str, v)) if type(v) is tuple else None)
def test_a_wrong_type_in_any_field_is_refused_and_named(
    models: Path, place: tuple[str | int, ...], wrong: object
) -> None:
    def spoil(document: dict[str, Any]) -> None:
        part, last = parent_of(document, place), place[-1]
        is_number = isinstance(part[last], float | int)
        part[last] = "7" if is_number and wrong == -1e300 else wrong

    rewritten(models / "tiny" / "bundle.json", spoil)
    error = refusal("tiny", models)
    assert error.code == ("INCOMPATIBLE" if place[0] == "features" else "CORRUPT")
    named = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")
    assert f"{named} must be " in str(error) or f"{named}." in str(error)


@pytest.mark.parametrize(
    "key", [f.name for f in dataclasses.fields(Manifest) if f.name not in ("familiarity", "memory")]
)
def test_a_missing_field_is_named(models: Path, key: str) -> None:
    rewritten(models / "tiny" / "bundle.json", lambda document: document.pop(key))
    error = refusal("tiny", models)
    assert error.code == "CORRUPT"
    assert f"{key} is missing" in str(error)


MAY_BE_MISSING = ("output.offset", "intervals.stretch", "memory.")
FREE_KEYS = ("training.logs.", "training.settings.", "training.software.")
PARTS = [p for p in PLACES if len(p) > 1 and isinstance(p[-1], str)]
PARTS = [p for p in PARTS if not ".".join(map(str, p)).startswith(MAY_BE_MISSING + FREE_KEYS)]


@pytest.mark.parametrize("place", PARTS, ids=lambda p: ".".join(map(str, p)))
def test_a_missing_field_of_a_part_is_named(models: Path, place: tuple[str | int, ...]) -> None:
    rewritten(models / "tiny" / "bundle.json", lambda document: parent_of(document, place).pop(place[-1]))
    error = refusal("tiny", models)
    assert error.code == ("INCOMPATIBLE" if place[0] == "features" else "CORRUPT")
    assert f".{place[-1]} is missing" in str(error)


def test_optional_fields_may_be_missing(models: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        del document["output"]["offset"], document["intervals"]["stretch"], document["familiarity"]
        document["memory"] = {}

    rewritten(models / "tiny" / "bundle.json", change)
    manifest = load_bundle("tiny", [models]).manifest
    assert (manifest.output.offset, manifest.intervals.stretch, manifest.familiarity) == (False, (), None)
    assert manifest.memory == MemorySettings()
    rewritten(models / "tiny" / "bundle.json", lambda document: document.update(memory=None))
    assert load_bundle("tiny", [models]).manifest.memory is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d["scaler"]["scale"].__setitem__(0, "x"), "scaler.scale[0] must be a finite number, not 'x'"),
        (lambda d: d["scaler"]["scale"].__setitem__(0, 10**400), "scaler.scale[0] must be a finite number, not 1000"),
        (
            lambda d: d["canary"]["window"][2].__setitem__(1, None),
            "canary.window[2][1] must be a finite number, not None",
        ),
        (lambda d: d.update(horizon=50.0), "horizon must be a whole number, not 50.0"),
        (lambda d: d.update(side="both"), "side must be one of left, right, not 'both'"),
        (lambda d: d["output"].update(kind=1), "output.kind must be one of delta, absolute, not 1"),
        (
            lambda d: d["training"]["settings"].update(rate="1"),
            "training.settings.rate must be a finite number, not '1'",
        ),
        (lambda d: d["training"]["logs"].update(LOG3=3), "training.logs.LOG3 must be text, not 3"),
        (lambda d: d["metrics"].append({}), "metrics[1].log is missing"),
        (lambda d: d["metrics"][0].update(mae_h50_deg="2"), "metrics[0].mae_h50_deg must be a finite number, not '2'"),
        (lambda d: d["scaler"].update(more=1), "scaler.'more' is not known"),
        (lambda d: d["memory"].update(more=1), "memory.'more' is not known"),
        (lambda d: d["memory"].update(span=601), "memory.span must be up to 600 s"),
        (lambda d: d["familiarity"].update(distance_limit=0), "familiarity.distance_limit"),
        (
            lambda d: d["familiarity"]["whitening"].pop(),
            f"familiarity.whitening must be {WIDTH} rows of {WIDTH} numbers",
        ),
        (lambda d: d["features"].update(rate="x"), "features.rate must be a finite number, not 'x'"),
        (lambda d: d["features"].update(rate=0), "rate must be between 10 and 1000 Hz, not 0.0"),
        (lambda d: d["features"]["filter"].update(drift=-1), "drift must be a finite positive number, not -1.0"),
        (lambda d: d["features"].update(names=["x"] * 70_000), "names must be 1 to 64 different ones"),
        (lambda d: d.update(features=3), "features must be an object, not 3"),
    ],
)
def test_the_sentence_names_place_and_value(
    models: Path, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    rewritten(models / "tiny" / "bundle.json", change)
    assert sentence in str(refusal("tiny", models))


def test_a_number_beyond_what_a_float_holds_is_refused(models: Path) -> None:
    body = json.dumps(DOCUMENT | {"training": "@"})[1:]
    training = json.dumps(DOCUMENT["training"] | {"settings": {"seed": "@"}}).replace('"@"', "1e400")
    (models / "tiny" / "bundle.json").write_bytes(with_digest(body.replace('"@"', training).encode()))
    assert "training.settings.seed must be a finite number, not inf" in str(refusal("tiny", models))


@settings(max_examples=300, deadline=None)
@given(mutated(DOCUMENT))
def test_any_change_of_the_document_is_loaded_or_refused(shared_models: Path, document: dict[str, Any]) -> None:
    path = shared_models / "tiny" / "bundle.json"
    original = path.read_bytes()
    path.write_bytes(with_digest(json.dumps(document).encode()[1:]))
    try:
        assert load_bundle("tiny", [shared_models]).onnx == ONNX
    except BundleError as error:
        assert error.code in ("CORRUPT", "INCOMPATIBLE")  # noqa: PT017 - both outcomes are right
        assert "\n" not in str(error)  # noqa: PT017
        assert len(str(error)) < 1000  # noqa: PT017
    finally:
        path.write_bytes(original)


def test_the_base_model_is_written_again_byte_for_byte(tmp_path: Path) -> None:
    base = load_bundle("base", [REPOSITORY / "models"])
    write_bundle(tmp_path / "base", base.manifest, base.onnx, base.keras)
    for name in FILES:
        assert (tmp_path / "base" / name).read_bytes() == (base.path / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda d: d.update(format="other"), "CORRUPT"),
        (lambda d: d.update(version=2), "INCOMPATIBLE"),
        (lambda d: d.update(version=True), "INCOMPATIBLE"),
        (lambda d: d.update(version="1" * 5000), "INCOMPATIBLE"),
        (lambda d: d.update(extra=1), "CORRUPT"),
        (lambda d: d.update(horizon=49), "CORRUPT"),
        (lambda d: d.update(horizon=10**9), "CORRUPT"),
        (lambda d: d.update(side="both"), "CORRUPT"),
        (lambda d: d["scaler"]["scale"].__setitem__(0, 0.0), "CORRUPT"),
        (lambda d: d["output"].update(quantiles=[0.9, 0.5, 0.1]), "CORRUPT"),
        (lambda d: d["intervals"].update(level=1.0), "CORRUPT"),
        (lambda d: d["features"].update(sampling="sometimes"), "INCOMPATIBLE"),
        (lambda d: d["features"].update(window=10**7), "INCOMPATIBLE"),
        (lambda d: d["features"]["filter"].update(another=1.0), "INCOMPATIBLE"),
        (lambda d: d["files"].update({"../model.onnx": "0"}), "CORRUPT"),
        (lambda d: d["files"].pop("model.keras"), "CORRUPT"),
    ],
)
def test_values_that_do_not_fit_are_refused(
    models: Path, change: Callable[[dict[str, Any]], object], code: str
) -> None:
    rewritten(models / "tiny" / "bundle.json", change)
    assert refusal("tiny", models).code == code


@pytest.mark.parametrize(
    "model",
    [
        "", ".", "..", "/", "../models/tiny", "tiny/..", "tiny/../tiny", "./../x", "/etc", "tiny\0", "~", ".tiny", "-x",
        "a b", "tiny;x", "a/b/c/d/e", "x" * 65, "x" * 100_000, "ｔiny", "C:\\tiny", "file:///tiny", "tiny\n",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_the_model_directory(models: Path, model: str) -> None:
    assert refusal(model, models).code == "NOT_FOUND"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="./\\~ tiny\0", max_size=12))
def test_any_name_opens_the_bundle_itself_or_nothing(shared_models: Path, model: str) -> None:
    try:
        found = load_bundle(model, [shared_models]).path
    except BundleError as error:
        found = error.code
    assert found in ("NOT_FOUND", shared_models / "tiny")


def test_an_absolute_path_outside_is_not_found(models: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "outside", MANIFEST, ONNX, KERAS)
    assert refusal(str(tmp_path / "outside"), models).code == "NOT_FOUND"
    assert refusal(f"{models}/../outside", models).code == "NOT_FOUND"


def test_links_are_not_followed(models: Path, tmp_path: Path) -> None:
    write_bundle(tmp_path / "outside", MANIFEST, ONNX, KERAS)
    (models / "link").symlink_to(tmp_path / "outside")
    assert refusal("link", models).code == "NOT_FOUND"
    for name in FILES:
        path = models / "tiny" / name
        kept = path.rename(tmp_path / name)
        path.symlink_to(kept)
        assert refusal("tiny", models).code == "CORRUPT"
        path.unlink()
        kept.rename(path)
    load_bundle("tiny", [models])


@pytest.mark.parametrize("name", FILES)
def test_missing_odd_and_huge_files_are_refused_at_once(models: Path, name: str) -> None:
    path = models / "tiny" / name
    path.unlink()
    assert re.search(rf"{name} cannot be read", str(refusal("tiny", models)))
    os.mkfifo(path)
    assert "not a regular file" in str(refusal("tiny", models))
    path.unlink()
    path.mkdir()
    assert refusal("tiny", models).code == "CORRUPT"
    path.rmdir()
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no disk
    assert "larger than" in str(refusal("tiny", models))


def test_a_file_in_the_model_directory_is_not_a_model(models: Path) -> None:
    (models / "notes").write_text("x")
    assert refusal("notes", models).code == "NOT_FOUND"
    assert refusal("tiny").code == "NOT_FOUND"


def test_an_empty_directory_is_not_a_bundle(models: Path) -> None:
    (models / "empty").mkdir()
    assert refusal("empty", models).code == "CORRUPT"


def test_a_name_that_cannot_be_loaded_is_not_written(tmp_path: Path) -> None:
    for name in (".hidden", "a b", "x" * 65):
        with pytest.raises(BundleError, match="no name for a model"):
            write_bundle(tmp_path / name, MANIFEST, ONNX, KERAS)
    assert list(tmp_path.iterdir()) == []


def test_only_a_bundle_is_replaced_and_only_on_request(models: Path) -> None:
    with pytest.raises(BundleError, match="already there"):
        write_bundle(models / "tiny", MANIFEST, b"new", KERAS)
    write_bundle(models / "tiny", MANIFEST, b"new", KERAS, replace=True)
    assert load_bundle("tiny", [models]).onnx == b"new"
    (models / "notes").mkdir()
    with pytest.raises(BundleError, match="already there"):
        write_bundle(models / "notes", MANIFEST, ONNX, KERAS, replace=True)


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_interrupted_write_leaves_nothing_and_the_old_bundle(
    models: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, at: int
) -> None:
    calls: list[int] = []

    def fail(handle: int) -> None:
        calls.append(handle)
        if len(calls) > at:
            os.ftruncate(handle, 3)
            raise failure

    monkeypatch.setattr(os, "fsync", fail)
    for name in ("tiny", "other"):
        calls.clear()
        with pytest.raises((BundleError, KeyboardInterrupt)):
            write_bundle(models / name, MANIFEST, b"new", KERAS, replace=True)
    assert [p.name for p in models.iterdir()] == ["tiny"]
    assert load_bundle("tiny", [models]).onnx == ONNX


def test_a_bundle_that_cannot_be_read_back_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    not_finite = dataclasses.replace(
        MANIFEST, intervals=dataclasses.replace(MANIFEST.intervals, margin=(float("nan"),) * 50)
    )
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(tmp_path / "new", not_finite, ONNX, KERAS)
    monkeypatch.setitem(bundle_module.MAX_BYTES, "model.onnx", 10)
    with pytest.raises(BundleError, match="larger than"):
        write_bundle(tmp_path / "new", MANIFEST, ONNX, KERAS)
    assert list(tmp_path.iterdir()) == []


def test_model_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{tmp_path}/a{os.pathsep}{tmp_path}/b")
    directories = model_directories(tmp_path / "extra")
    assert directories[:2] == [tmp_path / "extra", tmp_path / ".ros" / "ankle_predictor" / "models"]
    assert directories[-2:] == [tmp_path / p / "share" / "ankle_predictor" / "models" for p in ("a", "b")]
