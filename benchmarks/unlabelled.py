"""Measures what ``train --labels imu`` gains from many people's walks without labels: those of HuGaDB and Marpino.

Neither set states a licence, so that nothing that is shipped learns from them. Half of their people are learned from
beside the walks of ``base``, by the IMUs' own later angle, and the other half is scored; then the other way round. So
nobody is scored by a network that has learned from them. Networks and scores are kept in the work folder.

    scripts/run python benchmarks/unlabelled.py --data ../shared/data --work unlabelled_work
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the work is spread over processes
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ankle_predictor.model.bundle import find_model, load_bundle, write_bundle
from ankle_predictor.offline.catalogue import Entry, entries_of
from ankle_predictor.training.cluster import workers_for
from ankle_predictor.training.feature_cache import stored_walk
from ankle_predictor.training.learning import learn
from ankle_predictor.training.settings import TrainSettings
from ankle_predictor.training.tasks import Task
from ankle_predictor.training.walk_source import RecordedSource, simulated_sources
from benchmarks.kept_results import run_cells
from benchmarks.people import cells, tasks
from benchmarks.people_cells import mean_over, people_of
from benchmarks.people_rows import person_of, side_of

SETTINGS = TrainSettings(labels="imu", simulated=6)  # as base was trained
FIGURES = ("mae_h20_deg", "mae_h50_deg", "width_90_deg")


def base_entries(data: Path) -> list[Entry]:
    """Return the recordings that ``base`` has learned from."""
    public = data / "public"
    groups = [[log] for log in sorted((data / "walks").glob("LOG*.TXT"))]
    groups += [[public / "qmt/qmt_right"], [public / "camargo/camargo_slow_a", public / "camargo/camargo_normal_a"]]
    return entries_of(groups)


def unlabelled(data: Path) -> list[Entry]:
    """Return the recordings of HuGaDB and Marpino."""
    folders = [data / "public" / name for name in ("hugadb", "marpino")]
    logs = sorted(path for folder in folders for path in folder.iterdir() if path.is_dir())
    return [
        Entry(log, person_of(log.stem), log.stem, side="left" if side_of(log) == "left" else "right") for log in logs
    ]


def halves(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of every other person of each group, and those of the others."""
    groups: dict[str, set[str]] = {}
    for entry in entries:
        groups.setdefault(entry.person.rsplit(" ", 1)[0], set()).add(entry.person)
    first = {person for people in groups.values() for person in sorted(people)[::2]}
    return [e for e in entries if e.person in first], [e for e in entries if e.person not in first]


def make(data: Path, number: int, folds: Path, cache: Path) -> None:
    """Train on one half, and write the network once for each person of the other one, as ``people.py`` looks for it."""
    both = halves(unlabelled(data))
    learned, others = both[number], both[1 - number]
    names = {entry.person: f"not_{entry.name}" for entry in others}
    if all((folds / name).exists() for name in names.values()):
        return
    sources = [*(RecordedSource(e) for e in [*base_entries(data), *learned]), *simulated_sources(SETTINGS)]
    bundle = learn([stored_walk(source, SETTINGS, cache) for source in sources], SETTINGS)
    # Intervals follow what they held within seconds; these are only where they start.
    intervals = load_bundle(*find_model("base", None)).manifest.intervals
    for name in names.values():
        manifest = replace(bundle.manifest, name=name, intervals=intervals)
        write_bundle(folds / name, manifest, bundle.onnx, bundle.keras, replace=True)


def main() -> int:
    """Train, score and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="has the folders public and walks")
    parser.add_argument("--work", type=Path, default=Path("unlabelled_work"), metavar="DIR", help="keeps the results")
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    options = parser.parse_args()
    data, work = options.data.absolute(), options.work.absolute()
    logs = [entry.path for entry in unlabelled(data)]
    with workers_for(None, options.jobs, [work]) as workers:
        made = [Task(f"half {n + 1}", make, (data, n, work / "folds", work / "cache")) for n in (0, 1)]
        workers.run(made, "training", lambda _stage, _share: None)
        rows = []
        for folds in (None, work / "folds"):
            found = {name: task for name, task in tasks(logs, "base", folds).items() if name in {p.stem for p in logs}}
            results, failed = run_cells(cells(found, work / "scores"), workers, "scoring")
            if failed:
                print(failed, file=sys.stderr)
            rows.append(people_of(cell for result in results.values() for cell in result["cells"]))
    base, more = rows
    print("| deg | people | base: h20 | h50 | width | with half of them: h20 | h50 | width |")
    print("|---|---|---|---|---|---|---|---|")
    for row, people in base.items():
        figures = (f"{mean_over(side[row], key):.2f}" for side in (base, more) for key in FIGURES)
        print(f"| {row} | {len(people)} | {' | '.join(figures)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
