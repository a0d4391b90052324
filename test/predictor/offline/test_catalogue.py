"""A catalogue says who walks where; what cannot be used is left out with a reason, before anything is computed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from rigs.tiny_bundle import write_tiny_bundle
from rigs.walks import UPRIGHT, swinging

from ankle_imu_driver.calibration import save_calibration
from ankle_imu_driver.recordings.recording import ImuSamples, Recording
from ankle_imu_driver.recordings.rosbag_writer import write_bag
from ankle_predictor.offline import catalogue as module
from ankle_predictor.offline.catalogue import CatalogueError, Entry, read_catalogue
from ankle_predictor.offline.catalogue_check import Needs, check_catalogue, open_entry, refuse_if_empty, show_check
from ankle_predictor.offline.evaluate import main as evaluate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people in subfolders, one of whom walks twice, and a third one beside them."""
    folder = tmp_path_factory.mktemp("study")
    for seed, place in enumerate(("anna/first", "anna/second", "ben/first", "carl")):
        (folder / place).parent.mkdir(exist_ok=True)
        write_bag(folder / place, swinging(8.0 + 0.1 * seed))
    return folder


def slow(recording: Recording) -> Recording:
    def every(samples: ImuSamples) -> ImuSamples:
        return ImuSamples(samples.stamp[::10], samples.accel[::10], samples.gyro[::10])

    return dataclasses.replace(recording, shank=every(recording.shank), foot=every(recording.foot))


def test_a_folder_names_people_by_its_subfolders(folder: Path) -> None:
    found = {entry.name: entry.person for entry in read_catalogue(folder)}
    assert found == {"anna_first": "anna", "second": "anna", "ben_first": "ben", "carl": "carl"}


def test_csv_and_yaml_say_the_same(folder: Path, tmp_path: Path) -> None:
    save_calibration(tmp_path / "own.yaml", UPRIGHT)
    rows = [
        {"path": str(folder / "carl"), "person": "C 1", "side": "left", "labels": "imu", "licence": "CC-BY-4.0"},
        {"path": str(folder / "ben" / "first"), "calibration": "own.yaml"},
    ]
    columns = ("path", "person", "side", "labels", "calibration", "licence")
    lines = [",".join(columns), *(",".join(row.get(c, "") for c in columns) for row in rows)]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "list.yaml").write_text(json.dumps({"recordings": rows}))
    one, other = (read_catalogue(tmp_path / name) for name in ("list.csv", "list.yaml"))
    assert one == other
    assert one[0] == Entry(folder / "carl", "C 1", "carl", "left", "imu", None, "CC-BY-4.0")
    assert one[1] == Entry(folder / "ben" / "first", "first", "first", calibration=tmp_path / "own.yaml")
    assert open_entry(one[1]).calibration == open_entry(one[0]).calibration


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "person\nanna\n", "line 2.path is missing"),
        ("a.csv", "path,persn\na,b\n", "persn.*is not known"),
        ("a.csv", "path,person\na\n", "line 2 has another number of columns"),
        ("a.csv", "path,side\na,both\n", "line 2.side must be one of left, right, not 'both'"),
        ("a.csv", "path,person\na,../up\n", "person must be 1 to 64 letters"),
        ("a.csv", "path\n", "has no recordings"),
        ("a.csv", b"path\n\xff\n", "not a CSV file in UTF-8"),
        ("a.yaml", "- a\n", "must have one list, 'recordings'"),
        ("a.yaml", "recordings: [1]\n", "must be an object, not 1"),
        ("a.json", "{}", "give a folder, a .csv or a .yaml"),
    ],
)
def test_a_list_that_is_not_right_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str | bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CatalogueError, match=sentence):
        read_catalogue(tmp_path / name)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["w", "w_2", "a_w", "ä", "_"])), max_size=12))
def test_names_are_always_unique_and_fit_for_files(rows: list[tuple[str, str]]) -> None:
    entries = [Entry(Path("x"), person, name) for person, name in rows]
    try:
        named = module._with_unique_names(entries)
    except CatalogueError:
        return
    assert len({entry.name for entry in named}) == len(named)
    assert all(module.TEXT.fullmatch(entry.name) for entry in named)
    assert [entry.person for entry in named] == [person for person, _ in rows]


def test_what_cannot_be_used_is_left_out_with_its_reason(folder: Path, tmp_path: Path) -> None:
    walk = swinging(8.0)
    made = {
        "blind": dataclasses.replace(walk, encoder=None),
        "short": swinging(2.0),
        "slow": slow(walk),
        "restless": dataclasses.replace(walk, calibration=None),
    }
    for name, recording in made.items():
        write_bag(tmp_path / name, recording)
    entries = [
        *(Entry(tmp_path / name, name, name) for name in made),
        Entry(tmp_path / "nowhere", "x", "nowhere"),
        Entry(folder / "carl", "x", "carl"),
        Entry(folder / "carl", "x", "again"),
        Entry(folder / "ben" / "first", "y", "lost", calibration=tmp_path / "none.yaml"),
        Entry(tmp_path / "blind", "z", "imu", labels="imu"),
    ]
    checked = check_catalogue(entries, Needs("encoder", 2.5))
    reasons = {entry.name: why for entry, why in checked.left_out}
    for name, reason in {
        "blind": "no encoder",
        "short": "has 2.0 s, at least 2.5",
        "slow": "shank sensor has 10.0 Hz",
        "restless": "no calibration",
        "nowhere": "does not exist",
        "again": "same content as carl",
        "lost": "none.yaml",
    }.items():
        assert reason in reasons.pop(name)
    assert not reasons
    assert checked.persons == {"carl": "x", "imu": "z"}
    assert set(checked.digests) == {"carl", "imu"}
    console = Console(width=120, record=True)
    show_check(checked, console)
    text = console.export_text()
    assert "2 of 9 recordings are used, of 2 people" in text
    assert "same content as carl" in text


def test_a_catalogue_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    checked = check_catalogue([Entry(tmp_path / "nowhere", "x", "x")], Needs())
    with pytest.raises(CatalogueError, match=r"no recording of the catalogue can be used; x: .*does not exist"):
        refuse_if_empty(checked)


def test_evaluate_takes_a_catalogue_and_each_recordings_own_side(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx", reason="onnx, which comes with the training requirements, is not installed")
    write_tiny_bundle(tmp_path / "models")
    text = (
        f"path,person,side\n{folder / 'carl'},carl,right\n{folder / 'ben' / 'first'},ben,left\n{tmp_path / 'no'},x,\n"
    )
    (tmp_path / "list.csv").write_text(text)
    arguments = ["--model", "tiny", "--models-dir", str(tmp_path / "models"), "--json", str(tmp_path / "out.json")]
    assert evaluate([*arguments, "--catalogue", str(tmp_path / "list.csv")]) == 0
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["persons"] == {"carl": "carl", "first": "ben"}
    assert "does not exist" in document["failed"]["no"]
    assert np.isfinite([log["mae_h20_deg"] for log in document["logs"].values()]).all()
    # The left leg is scored as a left leg.
    assert evaluate([*arguments, "--log", str(folder / "ben" / "first"), "--side", "left"]) == 0
    alone = json.loads((tmp_path / "out.json").read_text())
    assert alone["logs"]["first"] == document["logs"]["first"]
    capsys.readouterr()
