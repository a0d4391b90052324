"""What training is made of, as tasks that need nothing but their arguments: they run here, or on any worker of Dask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Report = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Task:
    """A call that depends on its arguments only.

    Attributes:
        name: for the progress and the messages.
        call: a function that can be sent to another process, so not one within a function.
        arguments: of the call.
        reports: whether it takes another argument, ``on_progress``, where it runs in this process.
    """

    name: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...]
    reports: bool = False


class Workers(Protocol):
    """Runs tasks. What they return does not depend on where they run, or on how many run at once."""

    def run(self, tasks: Sequence[Task], stage: str, on_progress: Report) -> list[Any]:
        """Run tasks and return their results in the order of the tasks.

        Args:
            tasks: to be run, in any order.
            stage: what they are for, for the progress.
            on_progress: called with the stage and the share that is done.

        Raises:
            Exception: what the first task that failed raised.
        """


class ThisProcess:
    """Runs tasks one after the other in this process."""

    def run(self, tasks: Sequence[Task], stage: str, on_progress: Report) -> list[Any]:
        """Run tasks in their order."""
        results = []
        for k, task in enumerate(tasks):
            on_progress(f"{stage}: {task.name}", k / len(tasks))
            inner = _Inner(on_progress, stage, k, len(tasks))
            results.append(task.call(*task.arguments, inner.report) if task.reports else task.call(*task.arguments))
        return results


@dataclass(frozen=True)
class _Inner:
    """Turns the progress of one task into that of all."""

    on_progress: Report
    stage: str
    before: int
    total: int

    def report(self, _stage: str, share: float) -> None:
        self.on_progress(self.stage, (self.before + share) / self.total)
