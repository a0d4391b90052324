"""Files of other ages of Keras are refused by the name of their format, before Keras reads them.

``keras2/lstm.h5`` and ``keras2/lstm.keras`` were saved by tf-keras 2.21.0, which is Keras 2:
``Sequential([Input((200, 16)), LSTM(4), Dense(20)])``.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rigs.repository import REPOSITORY

from ankle_predictor.training.import_keras import main
from ankle_predictor.training.keras_format import LARGEST, check_format
from ankle_predictor.training.needs_tensorflow import NetworkError

KERAS2 = Path(__file__).parent / "keras2"


LAYER = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}, "registered_name": None}


def archive(metadata: Any, weights: bytes = b"", config: Any = LAYER) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        if config is not None:
            file.writestr("config.json", json.dumps(config))
        if metadata is not None:
            file.writestr("metadata.json", metadata if isinstance(metadata, str) else json.dumps(metadata))
        file.writestr("model.weights.h5", weights)
    return buffer.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(NetworkError) as caught:
        check_format(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 300
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("lstm.h5", "it is an HDF5 file (.h5)"), ("lstm.keras", "it is a .keras file of Keras 2.21.0")],
)
def test_files_of_a_real_keras_2_are_named_with_the_way_to_convert_them(
    name: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = KERAS2 / name
    assert sentence in refusal(weights.read_bytes())
    options = [
        "--scaler-log",
        str(tmp_path / "x"),
        "--scaler-rows",
        "400",
        "--features",
        "reference16",
        "--user",
        "theirs",
    ]
    assert main([str(weights), *options, "--models-dir", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert f"{weights} cannot be imported: {sentence}" in " ".join(message.split("\n"))
    assert "docs/transfer.md" in message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_tensorflow_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "saved_model").mkdir()
    options = ["--scaler-log", "x", "--scaler-rows", "400", "--features", "reference16", "--user", "theirs"]
    assert main([str(tmp_path / "saved_model"), *options]) == 1
    assert "perhaps a SavedModel of TensorFlow" in capsys.readouterr().err


def test_files_of_keras_3_pass(data_dir: Path) -> None:
    check_format(archive({"keras_version": "3.15.1"}))
    check_format((REPOSITORY / "models" / "base" / "model.keras").read_bytes())
    for path in (data_dir / "seed").glob("*.keras"):
        check_format(path.read_bytes())


@pytest.mark.parametrize(
    "config",
    [
        {"module": "keras.layers", "class_name": "Lambda"},
        {"module": "keras.src.layers.core.lambda_layer", "class_name": "Lambda"},
        {"module": "keras.utils", "class_name": "get_file"},
        {"module": "keras.config", "class_name": "enable_unsafe_deserialization"},
        {"module": "keras.src.saving.saving_lib", "class_name": "load_model"},
        {"module": "keras", "class_name": "export"},
        {"module": "builtins", "class_name": "function", "config": "exec"},
        {"module": "os", "class_name": "system"},
        {"module": None, "class_name": "__lambda__"},
        {"module": ["keras.layers"], "class_name": "Dense"},
        {"class_name": "Custom"},
    ],
)
def test_an_archive_that_names_more_than_layers_is_refused(config: Any) -> None:
    inside = {**LAYER, "config": {"layers": [LAYER, [{"deep": config}]]}}
    for one in (config, inside):
        assert "which is no layer that only computes" in refusal(archive({"keras_version": "3.15.1"}, config=one))
    check_format(archive({"keras_version": "3.15.1"}, config={**LAYER, "compile_config": config}))  # not read


def test_an_archive_without_a_network_is_refused() -> None:
    assert "has no config.json" in refusal(archive({"keras_version": "3.15.1"}, config=None))


@pytest.mark.parametrize(
    "metadata", [None, {}, [], "[" * 5000, "nonsense", {"keras_version": 3}, {"keras_version": "1.0"}]
)
def test_an_archive_of_no_keras_or_of_another_one_is_refused(metadata: Any) -> None:
    assert "and 3 is read" in refusal(archive(metadata))


def test_an_archive_that_unpacks_to_too_much_is_refused() -> None:
    assert "unpack to" in refusal(archive({"keras_version": "3.1.0"}, bytes(LARGEST + 1)))


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_damage_is_refused_or_passed_on_to_keras(where: float, flip: int) -> None:
    data = bytearray((KERAS2 / "lstm.keras").read_bytes())
    data[int(where * len(data))] ^= flip
    refusal(bytes(data))
