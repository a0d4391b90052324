"""The fuzzer of model bundles: damaged files, odd documents, hidden fields, ordinary operators, bad forecasts.

Every bundle has right digests, and a canary that agrees with its network where that can be asked: whoever writes a
bundle can do that, too. A bundle is read as the predictor does it, with the trial, and forecasts then.
"""

from __future__ import annotations

import hashlib
import json
import resource
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ankle_predictor.forecasting.live_predictor import LivePredictor
from ankle_predictor.forecasting.predictor_config import PredictorConfig
from ankle_predictor.model.bundle import KERAS, MANIFEST, NO_DIGEST, ONNX
from ankle_predictor.model.features import SEGMENT_FEATURES, FeatureSpec, interpolated
from ankle_predictor.model.manifest import (
    LONGEST_REASON,
    BundleError,
    Canary,
    Intervals,
    Manifest,
    Output,
    Scaler,
    Training,
)
from ankle_predictor.model.onnx_guard import OPERATORS
from ankle_predictor.trust.reference_walk import reference_walk
from benchmarks.fuzz_kind import Kind, damaged, odd_entry

NAME, HORIZON, SPEC = "model", 50, FeatureSpec()
WIDTH = len(SEGMENT_FEATURES)
MOST_MEGABYTES = 500.0  # of the process that tries
ODD_VALUES = (
    None,
    True,
    -1,
    0,
    2**63,
    1e308,
    -1e-308,
    "",
    "x" * 5000,
    [],
    {},
    [[]],
    [None],
    {"a": {"b": {}}},
    "\u0000",
    "NaN",
)
REFUSED_OPERATORS = (
    "Loop",
    "If",
    "Scan",
    "Expand",
    "Tile",
    "Range",
    "ConstantOfShape",
    "NonZero",
    "Cast",
    "RandomNormal",
    "Einsum",
)


def make(random: Random, folder: Path) -> Path:
    """Write a case's bundle into a folder, and return the folder."""
    kind = random.choice((damaged_network, hidden_field, operators, operators, odd_document, bad_forecast))
    path = write_case(folder, *kind(random)) / NAME
    if random.random() < 0.1:
        odd_entry(random, path / random.choice((ONNX, KERAS, MANIFEST)))
    elif random.random() < 0.1:
        file = path / random.choice((ONNX, KERAS, MANIFEST))
        file.write_bytes(damaged(random, file.read_bytes()))
    return folder


def write_case(folder: Path, document: dict[str, Any], network: bytes) -> Path:
    """Write a bundle with right digests into a folder, and return the folder."""
    path = folder / NAME
    path.mkdir()
    for name, data in {ONNX: network, KERAS: b"no node opens this"}.items():
        (path / name).write_bytes(data)
        if isinstance(document.get("files"), dict):
            document["files"][name] = hashlib.sha256(data).hexdigest()
    (path / MANIFEST).write_bytes(_with_digest(document))
    return folder


def read(folder: Path) -> object:
    """Load the bundle as the predictor does, and forecast with it.

    Raises:
        BundleError: it is refused, in a sentence that is short enough.
    """
    predictor = LivePredictor()
    predictor.configure(PredictorConfig(model_directories=(folder,)))
    try:
        prepared = predictor.load(NAME)
    except BundleError as refusal:
        assert len(str(refusal)) <= LONGEST_REASON, f"{len(str(refusal))} characters"  # noqa: PT017
        raise
    finally:
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
        assert used < MOST_MEGABYTES, f"the process that tries used {used:.0f} MB"
    assert "persistence" in prepared.figures
    walk, spec = reference_walk(), prepared.engine.manifest.features
    for stamp in walk.stamp[-200::50]:
        times = stamp + spec.period * np.arange(1 - spec.window, 1)
        forecast = prepared.engine.forecast(
            interpolated(walk.stamp, walk.rows_for(prepared.engine.manifest.side), times)
        )
        assert np.all(np.isfinite(forecast.angle))
        assert np.all((forecast.lower <= forecast.angle) & (forecast.angle <= forecast.upper))
    return prepared.figures


def _document(angle: float = 0.01) -> dict[str, Any]:
    window = tuple((0.1,) * WIDTH for _ in range(SPEC.window))
    manifest = Manifest(
        name=NAME,
        parent=None,
        side="right",
        features=SPEC,
        horizon=HORIZON,
        scaler=Scaler((0.0,) * WIDTH, (1.0,) * WIDTH),
        output=Output("delta", ()),
        intervals=Intervals(0.9, (0.1,) * HORIZON, "made up"),
        canary=Canary(window, (0.1 + angle,) * HORIZON),
        metrics=(),
        training=Training("0" * 64, {}, {}, {}),
        files={},
    )
    document: dict[str, Any] = json.loads(json.dumps(manifest.to_json()))
    return document


def _with_digest(document: dict[str, Any]) -> bytes:
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in {"digest": NO_DIGEST, **document}.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    return text.replace(NO_DIGEST, hashlib.sha256(text.encode()).hexdigest(), 1).encode()


def _model(nodes: list[Any], weights: dict[str, Any], opset: int = 17) -> bytes:
    """A network of some operators from ``x``, whose output ``y`` is a constant change."""
    size = SPEC.window * WIDTH
    constants = {"w": np.zeros((size, HORIZON), np.float32), "b": np.full(HORIZON, 0.01, np.float32), **weights}
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "w"], ["m"]),
            *nodes,
        ],
        "network",
        [helper.make_tensor_value_info("x", 1, ["n", SPEC.window, WIDTH])],
        [helper.make_tensor_value_info("y", 1, ["n", HORIZON])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return bytes(model.SerializeToString())


def _plain(source: str = "m") -> list[Any]:
    return [helper.make_node("Add", [source, "b"], ["y"])]


def damaged_network(random: Random) -> tuple[dict[str, Any], bytes]:
    """Damage the part of a network in which its structure is."""
    data = _model(_plain(), {})
    head = random.choice((120, 400))  # where the structure is; behind it lie the weights
    return _document(), damaged(random, data[:head]) + data[head:]


def hidden_field(random: Random) -> tuple[dict[str, Any], bytes]:
    """Append a graph, or another field, behind a tag that no serializer writes, or a second time."""
    body = helper.make_node("Loop", ["", ""], ["z"], body=helper.make_graph([], "b", [], []))
    evil = onnx.load_from_string(_model([*_plain(), body], {})).graph.SerializeToString()
    number = random.choice((1, 7, 7, 7, 8, 20, 25, 26, 99, 2**28))
    tag = number << 3 | 2
    tag |= random.choice((0, 0, 1 << 32, 7 << 32, 1 << 40, 1 << 63))
    return _document(), _model(_plain(), {}) + _varint(tag, random.randrange(4)) + _varint(len(evil), 0) + evil


def _varint(value: int, padding: int) -> bytes:
    parts = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)] + [0] * padding
    return bytes(part | 0x80 for part in parts[:-1]) + bytes(parts[-1:])


def operators(random: Random) -> tuple[dict[str, Any], bytes]:
    """A chain of operators with odd sizes; some grow, some are slow, some do not exist in a network of ours."""
    names = [name for name in OPERATORS if random.random() < 0.3] or ["Relu"]
    nodes, weights, last = list[Any](), dict[str, Any](), random.choice(("x", "flat", "m"))
    for k in range(random.choice((1, 3, 10, 40))):
        kind, output = random.choice(names), f"t{k}"
        grows = random.random()
        if grows < 0.15:
            nodes.append(helper.make_node("Concat", [last, last], [output], axis=random.choice((0, 1, -1))))
        elif grows < 0.25:
            side = random.choice((8, 500, 1500))
            weights[f"w{k}"] = np.full((HORIZON, side), 0.01, np.float32)
            weights[f"v{k}"] = np.full((side, HORIZON), 0.01, np.float32)
            nodes.append(helper.make_node("MatMul", [last, f"w{k}"], [f"{output}a"]))
            nodes.append(helper.make_node("MatMul", [f"{output}a", f"v{k}"], [output]))
        elif grows < 0.3:
            nodes.append(helper.make_node(random.choice(REFUSED_OPERATORS), [last], [output]))
        else:
            places = OPERATORS[kind]
            inputs = [last]
            for place in range(1, max(places, default=random.choice((0, 0, 1))) + 1):
                weights[f"i{k}_{place}"] = (
                    np.array([random.choice((0, 1, -1, 2, 50, 2**20, 2**40)) for _ in range(random.choice((1, 2, 3)))])
                    if place in places
                    else np.full(random.choice((1, HORIZON)), random.choice((0.0, 1.0, -1.0, 1e38)), np.float32)
                )
                inputs.append(f"i{k}_{place}")
            nodes.append(helper.make_node(kind, inputs, [output]))
        last = output
    used = random.random() < 0.5
    return _document(), _model([*nodes, *_plain(last if used else "m")], weights, random.choice((11, 13, 17, 18, 21)))


def odd_document(random: Random) -> tuple[dict[str, Any], bytes]:
    """Put odd values into any places of the document."""
    document = _document()
    for _ in range(random.choice((1, 1, 2, 5))):
        place: Any = document
        for _ in range(random.choice((0, 0, 1, 2, 3))):
            inner = list(place.values() if isinstance(place, dict) else place)
            inner = [value for value in inner if isinstance(value, dict | list) and value]
            place = random.choice(inner) if inner else place
        key = random.choice(list(place)) if isinstance(place, dict) else random.randrange(len(place))
        place[key] = random.choice(ODD_VALUES)
    return document, _model(_plain(), {})


def bad_forecast(random: Random) -> tuple[dict[str, Any], bytes]:
    """A network that forecasts badly, or not so badly, and a canary that agrees with it."""
    column, gain = random.randrange(WIDTH), random.choice((0.0, 0.01, -0.05, 0.3, -0.5, 2.0))
    offset = random.choice((0.0, 0.01, 0.1, -0.4, 1.4))
    matrix = np.zeros((SPEC.window * WIDTH, HORIZON), np.float32)
    matrix[(SPEC.window - 1) * WIDTH + column] = gain * np.linspace(0.0, 1.0, HORIZON)
    document = _document()
    document["canary"]["angle"] = (0.1 + offset + 0.1 * matrix[(SPEC.window - 1) * WIDTH + column]).tolist()
    width = random.choice((0.0, -0.1, 1e-4, 0.1, 0.1, 3.0))
    document["intervals"]["margin"] = [width] * HORIZON
    document["side"] = random.choice(("left", "right"))
    return document, _model(_plain(), {"w": matrix, "b": np.full(HORIZON, offset, np.float32)})


BUNDLES = Kind("bundles", 2000, make, read, reference_walk)
