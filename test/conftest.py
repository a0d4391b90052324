"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from rigs.repository import DATA

# How long an example takes says more of the computer's load than of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the recorded walks and the reference's files."""
    if not DATA.is_dir():
        pytest.skip("the recorded walks are not here: no folder shared/data beside the repository")
    return DATA


@pytest.fixture(scope="session")
def walks_dir(data_dir: Path) -> Path:
    """The folder with the five logger files."""
    return data_dir / "walks"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The cache of features of these tests, not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
