"""Finds, checks, reads and writes model bundles.

A bundle is a directory with ``bundle.json``, ``model.onnx`` (the network for forecasting) and ``model.keras`` (the
network for training and adaptation). Reading checks every byte against a SHA-256, limits every size, follows no link
and no path out of a model directory, unpickles nothing and executes nothing. Writing is atomic.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ankle_imu_driver.document import DocumentError, parse_json, shown
from ankle_predictor.model.exchange import exchange
from ankle_predictor.model.known_models import model_names, there_are
from ankle_predictor.model.manifest import BundleError, Manifest
from ankle_predictor.model.model_hold import ModelInUseError, check_not_in_use, replacing
from ankle_predictor.model.scratch_folder import scratch_folder, sweep

MANIFEST, ONNX, KERAS = "bundle.json", "model.onnx", "model.keras"
MIB = 2**20
# A log that was learned from takes 400 bytes in the manifest; the largest network has 2 MiB, and 6 in Keras's format.
MAX_BYTES = {MANIFEST: 8 * MIB, ONNX: 16 * MIB, KERAS: 64 * MIB}
USUAL_BYTES = 4 * MIB  # size of a whole bundle like the base model
MAX_DEPTH = 4  # directories below a model directory
SCRATCH, OLD = ".ankle_bundle_", "old"  # what a folder in the making begins with, and in it what is being replaced
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# The digest covers the whole file, with 64 zeros in place of the digest itself: a change anywhere is detected.
HEAD = re.compile(rb'\{\n"digest": "([0-9a-f]{64})",\n')
NO_DIGEST = "0" * 64


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bundle; every byte was checked.

    Attributes:
        name: its path below the model directory.
        path: its directory.
        manifest: content of ``bundle.json``.
        onnx: content of ``model.onnx``.
        keras: content of ``model.keras``.
    """

    name: str
    path: Path
    manifest: Manifest
    onnx: bytes
    keras: bytes


def model_directories(extra: Path | None = None) -> list[Path]:
    """Return the model directories, in the order in which they are searched.

    These are ``extra``, the user's ``~/.ros/ankle_predictor/models``, ``models`` of the source tree if the code runs
    from one, and ``share/ankle_predictor/models`` of every sourced ROS workspace. (The source tree comes before the
    share folder because ``colcon build --symlink-install`` fills that with links, which are not followed.)
    """
    found = [extra] if extra else []
    found.append(Path.home() / ".ros" / "ankle_predictor" / "models")
    root = Path(__file__).resolve().parents[2]
    if (root / "package.xml").is_file():
        found.append(root / "models")
    prefixes = filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep))
    found += [Path(prefix) / "share" / "ankle_predictor" / "models" for prefix in prefixes]
    return found


def load_bundle(model: str, directories: Sequence[Path]) -> Bundle:
    """Find a bundle, read it and check all of it.

    Args:
        model: a name in a model directory, or an absolute path of a bundle in one.
        directories: the model directories.

    Raises:
        BundleError: NOT_FOUND, CORRUPT or INCOMPATIBLE; one sentence names the file and what is wrong with it.
    """
    root, parts = _locate(model, directories)
    name = "/".join(parts)
    try:
        handle = _open_directory(root, parts)
    except OSError as error:
        raise BundleError(
            "NOT_FOUND", f"model {name} in {root} cannot be opened (links are not followed): {error.strerror}"
        ) from error
    try:
        manifest = _read_manifest(handle)
        onnx, keras = (_read_checked(handle, file, manifest) for file in (ONNX, KERAS))
    except BundleError as error:
        raise BundleError(error.code, f"model {name}: {error}") from error
    finally:
        os.close(handle)
    return Bundle(name, root.joinpath(*parts), manifest, onnx, keras)


def write_bundle(path: Path, manifest: Manifest, onnx: bytes, keras: bytes, *, replace: bool = False) -> None:
    """Write a bundle completely or not at all.

    Args:
        path: the bundle's directory; its last part is the model's name.
        manifest: content of ``bundle.json``; its ``files`` are set here.
        onnx: content of ``model.onnx``.
        keras: content of ``model.keras``.
        replace: whether an existing bundle is replaced.

    Raises:
        ModelInUseError: a predictor uses the model that would be replaced.
        BundleError: REJECTED: the name is not allowed, the path exists, or the disk cannot be written; or any code of
            ``load_bundle``: the new bundle cannot be read back.
    """
    contents = {ONNX: onnx, KERAS: keras}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    try:
        contents[MANIFEST] = _manifest_bytes(dataclasses.replace(manifest, files=digests))
    except ValueError as error:
        raise BundleError("REJECTED", f"model {path} cannot be written: {error}") from error
    place_bundle(path, contents, replace=replace)


def place_bundle(path: Path, contents: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write the files of a bundle as they are, by their names; otherwise as ``write_bundle``."""
    check_writable(path, replace=replace)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep_bundles(path.parent)
        with scratch_folder(path.parent, SCRATCH) as scratch:
            fresh = scratch / path.name
            fresh.mkdir()
            for name, data in contents.items():
                _write_synced(fresh / name, data)
            load_bundle(path.name, [scratch])
            with replacing(path):
                if path.exists():
                    exchange(fresh, path, scratch / OLD)
                else:
                    fresh.rename(path)
    except OSError as error:
        raise BundleError("REJECTED", f"model {path} cannot be written: {error.strerror}") from error


def sweep_bundles(directory: Path) -> int:
    """Remove what killed writers have left in a model directory; return how many folders.

    A bundle that such a writer was about to replace is put back if the new one had not come to its place yet.

    Raises:
        OSError: it could not be put back.
    """

    def rescue(scratch: Path) -> None:
        for kept in (scratch / OLD).glob("*"):
            if not (directory / kept.name).exists():
                kept.rename(directory / kept.name)

    return sweep(directory, SCRATCH, rescue)


def bundle_path(directory: Path, name: str) -> Path:
    """Return the path for a model name that a person typed.

    Raises:
        BundleError: REJECTED: the name is not allowed.
    """
    if not NAME.fullmatch(name):
        raise BundleError(
            "REJECTED", f"{name[:200]!r} is no name for a model: use letters, digits, '.', '_' and '-', at most 64"
        )
    return directory / name


def check_writable(path: Path, *, replace: bool = False) -> None:
    """Check before an hour of training whether ``write_bundle`` would accept the path.

    Raises:
        ModelInUseError: a predictor uses the model that would be replaced.
        BundleError: REJECTED: the name is not allowed, or the path exists.
    """
    bundle_path(path.parent, path.name)
    try:
        is_in_the_way = path.exists() and not (replace and (path / MANIFEST).is_file())
    except OSError as error:
        raise BundleError("REJECTED", f"model {path} cannot be written: {error.strerror}") from error
    if is_in_the_way:
        raise BundleError("REJECTED", f"{path} is already there; name another directory or remove it first")
    check_not_in_use(path)


def free_version(path: Path) -> Path:
    """Return a bundle's path, or while a predictor uses that bundle, the next free one: ``anna_2`` for ``anna``."""
    free, number = path, 2
    while _is_in_use(free) or (free != path and free.exists()):
        free, number = path.with_name(f"{path.name[:60]}_{number}"), number + 1
    return free


def _is_in_use(path: Path) -> bool:
    try:
        check_not_in_use(path)
    except ModelInUseError:
        return True
    return False


def check_room(path: Path) -> None:
    """Check early whether the disk has room for a bundle of the base model's size.

    Raises:
        BundleError: REJECTED: the directory cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent) as file:
            os.posix_fallocate(file.fileno(), 0, USUAL_BYTES)
    except OSError as error:
        raise BundleError("REJECTED", f"model {path} cannot be written: {error.strerror}") from error


def _locate(model: str, directories: Sequence[Path]) -> tuple[Path, tuple[str, ...]]:
    """Return the model directory that has ``model``, and the path of the bundle below it."""
    path = PurePosixPath(model)
    for root in directories:
        try:
            below = path.relative_to(root.absolute()) if path.is_absolute() else path
        except ValueError:
            continue
        if not 1 <= len(below.parts) <= MAX_DEPTH or not all(NAME.fullmatch(part) for part in below.parts):
            raise BundleError(
                "NOT_FOUND", f"{model[:200]!r} is neither the name of a model nor a path in a model directory"
            )
        try:
            if root.joinpath(*below.parts).is_dir():
                return root.absolute(), below.parts
        except OSError as error:
            raise BundleError(
                "NOT_FOUND", f"{root} cannot be searched for {model[:200]!r}: {error.strerror}"
            ) from error
    known = there_are(model_names(directories, MANIFEST), model[:200])
    raise BundleError("NOT_FOUND", f"there is no model {model[:200]!r}; {known}")


def _open_directory(root: Path, parts: tuple[str, ...]) -> int:
    """Open a directory below ``root`` without following links, even if someone moves files at the same time."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in parts:
        try:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle


def _read_file(directory: int, name: str) -> bytes:
    limit = MAX_BYTES[name]
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise BundleError("CORRUPT", f"{name} is not a regular file")
            data = file.read(limit + 1)
    except OSError as error:
        raise BundleError("CORRUPT", f"{name} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise BundleError("CORRUPT", f"{name} is larger than {limit // MIB} MiB")
    return data


def _read_checked(directory: int, name: str, manifest: Manifest) -> bytes:
    data = _read_file(directory, name)
    if hashlib.sha256(data).hexdigest() != manifest.files[name]:
        raise BundleError("CORRUPT", f"{name} is not the file that was written: its SHA-256 differs")
    return data


def _read_manifest(directory: int) -> Manifest:
    data = _read_file(directory, MANIFEST)
    head = HEAD.match(data)
    if not head:
        raise BundleError("CORRUPT", f"{MANIFEST} does not begin with its digest")
    start, end = head.span(1)
    if hashlib.sha256(data[:start] + NO_DIGEST.encode() + data[end:]).hexdigest().encode() != head[1]:
        raise BundleError("CORRUPT", f"{MANIFEST} is not the file that was written: its digest differs")
    try:
        document = parse_json(data)
    except DocumentError as error:
        raise BundleError("CORRUPT", f"{MANIFEST} is not right: {error}") from error
    document.pop("digest")
    manifest = Manifest.from_json(document)
    if set(manifest.files) != {ONNX, KERAS}:
        raise BundleError("CORRUPT", f"{MANIFEST} must list {ONNX} and {KERAS}, not {shown(sorted(manifest.files))}")
    return manifest


def _manifest_bytes(manifest: Manifest) -> bytes:
    """Return ``bundle.json`` with one line for each key, so that a person can read it."""
    document = {"digest": NO_DIGEST, **manifest.to_json()}
    lines = [f"{json.dumps(key)}: {json.dumps(value, allow_nan=False)}" for key, value in document.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text.replace(NO_DIGEST, digest, 1).encode()


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def find_model(model: str, models_dir: Path | None) -> tuple[str, list[Path]]:
    """Return the arguments of ``load_bundle`` for a name or path that a person typed.

    Unlike the ``model`` of ``load_bundle``, a path may be that of a bundle outside the model directories.
    """
    path = Path(model).absolute()
    directories = model_directories(models_dir.absolute() if models_dir else None)
    if "/" in model and os.path.isfile(path / MANIFEST):  # noqa: PTH113 - False where it may not be looked at
        return path.name, [path.parent]
    return model, directories
