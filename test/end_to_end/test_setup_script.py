"""scripts/setup and scripts/run: nothing to do is done at once, and what is missing is one sentence."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rigs.repository import REPOSITORY

TOOLS = ("bash", "env", "dirname", "sha256sum", "cut", "cat", "find", "sort", "uname", "mkdir", "rm", "tail", "make")

made_by_setup = pytest.mark.skipif(
    Path(sys.prefix) != REPOSITORY / ".venv", reason="these tests do not run in the .venv that scripts/setup makes"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The checkout as far as scripts/setup reads it before it builds."""
    for folder in ("scripts", "interfaces"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    for pattern in ("requirements*.txt", "package.xml", "setup.*", "colcon_defaults.yaml"):
        for file in REPOSITORY.glob(pattern):
            shutil.copy(file, tmp_path)
    return tmp_path


def run(script: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([script, *arguments], capture_output=True, text=True, timeout=120, check=False, **options)


def setup_with(copy: Path, python: str) -> subprocess.CompletedProcess[str]:
    """Run the copy's scripts/setup with no more on PATH than it needs, without a compiler, and with that python3."""
    tools = copy / "tools"
    tools.mkdir()
    for tool in TOOLS:
        path = shutil.which(tool)
        assert path is not None, tool
        (tools / tool).symlink_to(path)
    (tools / "python3").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    (tools / "python3").chmod(0o755)
    return run(copy / "scripts" / "setup", env={"PATH": str(tools), "HOME": str(copy)})


def test_a_missing_compiler_is_one_sentence(copy: Path) -> None:
    done = setup_with(copy, sys.executable)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs a C++ compiler" in done.stderr
    assert not (copy / ".venv").exists()


def test_a_missing_python_is_one_sentence(copy: Path) -> None:
    done = setup_with(copy, "false")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs Python 3.10 to 3.13" in done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="ROS 2 wheels exist for x86-64 only")
@pytest.mark.parametrize(
    ("given", "python", "said"),
    [
        ([], "3.11", "as requirements-lock.txt has them, by SHA-256 ..."),
        ([], "3.10", "within the ranges of requirements.txt requirements-train.txt requirements-web.txt"),
        (
            ["--ros", "jazzy"],
            "3.11",
            "within the ranges of requirements.txt requirements-train.txt requirements-web.txt",
        ),
    ],
)
def test_it_says_whether_versions_are_locked(copy: Path, given: list[str], python: str, said: str) -> None:
    stub = copy / "python3"
    stub.write_text(
        f"""#!/bin/sh
        case "$*" in
        "-m venv"*) exit 1 ;;
        *_base_executable*) echo {stub} ;;
        *version_info*) [ {python} != 3.10 ] ;;
        *) exec {sys.executable} "$@" ;;
        esac"""
    )
    stub.chmod(0o755)
    path = f"{copy}:{os.environ['PATH']}"
    done = run(copy / "scripts" / "setup", *given, env={**os.environ, "ROS_DISTRO": "", "PATH": path})
    assert done.returncode == 1
    assert done.stdout.startswith("scripts/setup: installing Python packages into .venv")
    assert said in done.stdout
    assert "the step above failed" in done.stderr


@pytest.mark.parametrize("script", ["setup", "run", "test"])
@pytest.mark.parametrize("name", ["foxy", ""])
def test_an_unknown_distribution_is_one_sentence(copy: Path, script: str, name: str) -> None:
    done = run(copy / "scripts" / script, "--ros", name)
    assert done.returncode == 2
    assert done.stderr.endswith(f"--ros takes kilted or jazzy, not '{name}'\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("given", "asked"), [([], ""), (["--ros", "jazzy"], " --ros jazzy")])
def test_a_distribution_that_is_not_set_up_is_one_sentence(copy: Path, given: list[str], asked: str) -> None:
    done = run(copy / "scripts" / "setup", *given, "--check", env={**os.environ, "ROS_DISTRO": ""})
    assert done.returncode == 1
    assert done.stderr == f"scripts/setup: not up to date; run scripts/setup{asked}\n"


@made_by_setup
def test_a_second_run_does_nothing_fast() -> None:
    # Asked first: setting up would pull the rug from under the tests.
    assert run(REPOSITORY / "scripts" / "setup", "--check").returncode == 0
    start = time.monotonic()
    done = run(REPOSITORY / "scripts" / "setup")
    assert (done.returncode, done.stdout, done.stderr) == (0, "scripts/setup: up to date\n", "")
    assert time.monotonic() - start < 15  # 0.2 s on an idle machine; 3 s are promised


@made_by_setup
def test_an_unknown_executable_is_one_sentence() -> None:
    done = run(REPOSITORY / "scripts" / "run", "nonsense")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "there is no executable 'nonsense'" in done.stderr
    assert "imu_driver models orientation_filter predictor" in done.stderr


@made_by_setup
def test_an_executable_runs_from_another_folder_with_an_empty_home(tmp_path: Path) -> None:
    done = run(
        REPOSITORY / "scripts" / "run", "evaluate", "--help", cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    assert "--model" in done.stdout


@pytest.mark.parametrize("is_current", [True, False])
def test_run_sets_up_only_if_there_is_something_to_do(tmp_path: Path, is_current: bool) -> None:
    scripts = tmp_path / "scripts"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    scripts.mkdir()
    shutil.copy(REPOSITORY / "scripts" / "run", scripts)
    answer = f"exit {0 if is_current else 1}"
    (scripts / "setup").write_text(f'#!/bin/bash\nif [ "$1" = --check ]; then {answer}; fi\necho made\n')
    (scripts / "setup").chmod(0o755)
    (scripts / "environment.bash").write_text(f"root={tmp_path} VIRTUAL_ENV={tmp_path}\n")
    done = run(scripts / "run", "python", "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr == ("" if is_current else "made\n")


@pytest.fixture
def nodes_tested(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs ``scripts/test --ros jazzy --nodes -x`` where set-up does nothing, and python does what is given."""
    scripts, tools = tmp_path / "scripts", tmp_path / "tools"
    scripts.mkdir()
    tools.mkdir()
    shutil.copy(REPOSITORY / "scripts" / "test", scripts)
    (scripts / "setup").write_text('#!/bin/bash\necho "setup $*"\n')
    (scripts / "environment.bash").write_text(f"root={tmp_path} suffix=-jazzy PATH={tools}:$PATH\nshift 2\n")

    def test(python: str) -> subprocess.CompletedProcess[str]:
        (tools / "python").write_text(f"#!/bin/bash\n{python}\n")
        for file in (scripts / "setup", tools / "python"):
            file.chmod(0o755)
        return run(scripts / "test", "--ros", "jazzy", "--nodes", "-x")

    return test


def test_the_tests_of_nodes_are_files_that_exist(
    nodes_tested: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    done = nodes_tested('printf "%s\\n" "$@"')
    assert (done.returncode, done.stderr) == (0, "")
    files = [line for line in done.stdout.splitlines() if line.endswith(".py")]
    assert len(files) > 10
    assert [file for file in files if not (REPOSITORY / file).is_file()] == []
    assert done.stdout.startswith("setup --ros jazzy\n")
    assert done.stdout.endswith("-k\nnot six and not five_walks\n-x\n")


def test_a_library_that_is_missing_fails_instead_of_skipping_the_tests_that_need_it(
    nodes_tested: Callable[[str], subprocess.CompletedProcess[str]],
) -> None:
    done = nodes_tested('[ "$1" != -c ]')
    assert done.returncode == 1
    assert done.stderr == "scripts/test: failed: installed\n"


@pytest.mark.parametrize(("on_kilted", "on_jazzy"), [(0, 0), (1, 0), (0, 1)])
def test_ci_runs_the_tests_of_nodes_on_jazzy_whatever_fails(tmp_path: Path, on_kilted: int, on_jazzy: int) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / "scripts").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "run", tmp_path / ".ci")
    stub = tmp_path / "scripts" / "test"
    stub.write_text(f'#!/bin/bash\necho "test $*"\n[ -n "$*" ] && exit {on_jazzy}\nexit {on_kilted}\n')
    stub.chmod(0o755)
    done = run(tmp_path / ".ci" / "run")
    assert done.stdout == "test \ntest --ros jazzy --nodes\n"
    assert done.returncode == (on_kilted or on_jazzy)
