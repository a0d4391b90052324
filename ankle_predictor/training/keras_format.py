"""Looks through a Keras file before Keras reads it: only archives of Keras 3 that consist of layers are read.

Keras 2 wrote HDF5 (``.h5``) and, at its end, ``.keras`` archives, too. Keras 3 cannot read the recurrent layers of
either, and reading HDF5 may run code that is stored in it (CVE-2025-9905). An archive names the objects that Keras
makes from it, and Keras's safe mode has let through ones that run code or fetch files (CVE-2025-1550, CVE-2025-8747,
CVE-2025-9906). Therefore only layers, operations and what they are made with may be named.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from ankle_predictor.training.needs_tensorflow import NetworkError

HDF5 = b"\x89HDF\r\n\x1a\n"  # https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html
METADATA, LARGEST_METADATA = "metadata.json", 2**16
CONFIG, LARGEST_CONFIG = "config.json", 2**22
NOT_READ = ("compile_config", "build_config")  # parts of the configuration that are not used here
MODULES = ("keras.activations", "keras.constraints", "keras.initializers", "keras.layers", "keras.regularizers")
INNER_MODULES = ("keras.src.layers.", "keras.src.models.", "keras.src.ops.")
MODELS = ("DTypePolicy", "Functional", "Model", "Sequential")  # of the module ``keras``
VALUES = ("__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tuple__")
WITH_CODE = ("FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper")
LARGEST = 256 * 2**20  # bytes of all that an archive unpacks to
HOW = "copy its weights into the same layers in Keras 3, as docs/transfer.md shows"


def check_format(data: bytes) -> None:
    """Refuse a file that Keras 3 did not write, or that names more than layers.

    Raises:
        NetworkError: the message says which format it has and how to convert it, or what else is wrong with it.
    """
    if data.startswith(HDF5):
        raise NetworkError(f"it is an HDF5 file (.h5), the format of Keras 2 and of weights alone; {HOW}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            version, config = _version(archive), _read(archive, CONFIG, LARGEST_CONFIG)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise NetworkError(
            "its weights cannot be read by Keras: it is no .keras file, which is a zip archive"
        ) from error
    if size > LARGEST:
        raise NetworkError(f"its weights unpack to {size // 2**20} MiB, more than {LARGEST // 2**20}")
    if not version.startswith("3."):
        raise NetworkError(f"it is a .keras file of Keras {version or 'without a version'}, and 3 is read; {HOW}")
    if not isinstance(config, dict):
        raise NetworkError(f"its weights cannot be read by Keras: it has no {CONFIG}")
    _check_objects(config)


def _version(archive: zipfile.ZipFile) -> str:
    """Return the version of Keras that wrote the archive, empty if it does not say."""
    document = _read(archive, METADATA, LARGEST_METADATA)
    version = document.get("keras_version") if isinstance(document, dict) else None
    return version[:20] if isinstance(version, str) else ""


def _read(archive: zipfile.ZipFile, name: str, largest: int) -> Any:
    """Return a JSON document of the archive; None if it has none."""
    try:
        with archive.open(name) as file:
            return json.loads(file.read(largest))
    except (KeyError, ValueError, RecursionError):
        return None


def _check_objects(config: Any) -> None:
    """Refuse a configuration that names anything but layers and what they are made with.

    Raises:
        NetworkError: it does.
    """
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            waiting += [value for key, value in part.items() if key not in NOT_READ]
            if {"class_name", "module"} & part.keys() and not _is_harmless(part.get("module"), part.get("class_name")):
                name = f"{part.get('module')}.{part.get('class_name')}"
                shown = "".join(c if c.isprintable() else "?" for c in name[:80])
                raise NetworkError(f"it names {shown}, which is no layer that only computes")


def _is_harmless(module: Any, kind: Any) -> bool:
    if not isinstance(kind, str) or kind in WITH_CODE:
        return False
    if module is None:
        return kind in VALUES
    if module == "keras":
        return kind in MODELS
    return isinstance(module, str) and (module in MODULES or module.startswith(INNER_MODULES))
