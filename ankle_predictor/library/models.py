"""``models``: lists, shows, removes, exports and imports the models of all users of this computer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ankle_imu_driver.refusal import Refusal
from ankle_imu_driver.regular_file import expanded
from ankle_predictor.command_line import check_folder_of, run_command, write_json
from ankle_predictor.library.archive import SUFFIX
from ankle_predictor.library.catalogue import LibraryError, entries, find_entry
from ankle_predictor.library.changes import export_model, import_model, remove_model
from ankle_predictor.library.pages import document, page, table
from ankle_predictor.model.bundle import find_model, model_directories


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``models``; returns the exit status."""
    args = _arguments(argv)
    return run_command(lambda: args.work(args))


def _own_directory(args: argparse.Namespace) -> Path:
    """Return the directory that is written to: the given one, or the user's own."""
    return _directories(args)[0]


def _directories(args: argparse.Namespace) -> list[Path]:
    return model_directories(None if args.models_dir is None else expanded(args.models_dir).absolute())


def _list(args: argparse.Namespace) -> None:
    check_folder_of(args.json)
    found = [entry.without_weights() for entry in entries(_directories(args))]
    if args.json is not None:
        write_json(args.json, {"models": [document(entry) for entry in found]})
    print(table(found), end="")


def _show(args: argparse.Namespace) -> None:
    check_folder_of(args.json)
    entry = find_entry(*find_model(args.model, args.models_dir))
    if args.json is not None:
        write_json(args.json, document(entry))
    print(page(entry), end="")
    if entry.problem:
        raise LibraryError(entry.problem)


def _remove(args: argparse.Namespace) -> None:
    directory = _own_directory(args)
    found = [find_entry(model, [directory]).without_weights() for model in dict.fromkeys(args.models)]
    print(table(found), end="")
    if not args.yes and not _agreed(f"remove {len(found)} with all that belongs to them?"):
        raise LibraryError("nothing was removed")
    for entry in found:
        removed = remove_model(entry, directory)
        print(f"removed {', '.join(map(str, removed))}")


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise LibraryError("give --yes to remove without being asked; nothing was removed")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _export(args: argparse.Namespace) -> None:
    directories, folder = _directories(args), expanded(args.folder)
    check_folder_of(folder / f"NAME{SUFFIX}")
    names = list(dict.fromkeys(args.models))
    if args.all:
        names += [entry.name for entry in entries(directories[:1]) if entry.name not in names]
    if not names:
        raise LibraryError(f"name the models to export; --all takes those in {directories[0]}, where there are none")

    def export(name: str) -> str:
        return f"{name} is in {export_model(name, directories, folder, replace=args.replace)}"

    _each(names, export, "exported")


def _import(args: argparse.Namespace) -> None:
    if args.name is not None and len(args.files) > 1:
        raise LibraryError("--name names one model; import one file at a time, or leave it out")

    def bring(file: str) -> str:
        path = expanded(Path(file))
        name = path.name.removesuffix(SUFFIX) if args.name is None else args.name
        done = import_model(path, name, _own_directory(args), replace=args.replace)
        return f"{name} is in {done.path}{''.join(f', with its {extra}' for extra in done.extras)}; {done.tried}"

    _each(args.files, bring, "imported")


def _each(names: Sequence[str], work: Callable[[str], str], done: str) -> None:
    """Do the same for many models; one that fails does not end the others.

    Raises:
        LibraryError: at least one failed; if it was the only one, its own reason.
    """
    failed = []
    for name in names:
        try:
            print(work(name), flush=True)
        except Refusal as refusal:
            failed.append(str(refusal))
            if len(names) > 1:
                print(refusal, file=sys.stderr)
    if failed:
        raise LibraryError(failed[0] if len(names) == 1 else f"{len(failed)} of {len(names)} were not {done}")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--models-dir", type=Path, metavar="DIR", help="instead of ~/.ros/ankle_predictor/models; searched first"
    )
    json_file = argparse.ArgumentParser(add_help=False)
    json_file.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser = argparse.ArgumentParser(prog="models", description="The models of all users of this computer.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, work: Callable[[argparse.Namespace], None], what: str, *more: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=what, description=f"{what[0].upper()}{what[1:]}.", parents=[common, *more]
        )
        made.set_defaults(work=work)
        return made

    command("list", _list, "list all models, with parent, date and figures", json_file)
    show = command("show", _show, "show all that is known of one model, and check every byte of it", json_file)
    show.add_argument("model", metavar="NAME", help="a name, or a bundle's path")
    remove = command("remove", _remove, "remove models with their reports and calibrations")
    remove.add_argument("models", nargs="+", metavar="NAME")
    remove.add_argument("--yes", action="store_true", help="do not ask")
    export = command("export", _export, "write each model as one file, with its report and calibration")
    export.add_argument("models", nargs="*", metavar="NAME")
    export.add_argument("--all", action="store_true", help="all models in the user's own directory")
    export.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help="where NAME.tar is written (here)")
    bring = command("import", _import, "check and try models that were exported, and add them")
    bring.add_argument("files", nargs="+", metavar="FILE")
    bring.add_argument("--name", metavar="NAME", help="name of the model; that of the file if not given")
    for changes in (export, bring):
        changes.add_argument("--replace", action="store_true", help="replace what has that name already")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
