"""Reads the messages of a rosbag2's sqlite3 file, including those in the write-ahead log of an interrupted recording.

``rosbags`` opens such a file as immutable and without its log, and so loses what the recorder wrote last.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ankle_imu_driver.recordings.bag_storage import LONGEST_NAME, MOST_BYTES, MOST_MESSAGE, Message, Wanted
from ankle_imu_driver.recordings.recording import RecordingError
from ankle_imu_driver.regular_file import exists, open_regular

LEAST_ROW = 8  # bytes of a row in the file; a damaged file may lead in circles, which this ends
MOST_TOPICS = 10_000
STEPS = 100_000  # of sqlite's machine between two looks at how many there were
MOST_STEPS = 5000  # such looks without a row: some seconds


class SqliteScan:
    """One pass through a file.

    Attributes:
        notes: after the pass, what was left out.
    """

    def __init__(self, path: Path, wanted: Wanted, scratch: Path) -> None:
        """Prepare the pass.

        Args:
            path: the file, which is never changed.
            wanted: whether a topic's messages are used; only these are read.
            scratch: a folder for a copy, if the file has a write-ahead log.
        """
        self.notes: list[str] = []
        self._path, self._wanted, self._scratch = path, wanted, scratch
        self._looks = 0

    def messages(self) -> Iterator[Message]:
        """Yield the wanted messages in the order of the file.

        Raises:
            RecordingError: it is no such file.
            FileError: its log is no regular file, or too large.
            OSError: it cannot be read.
        """
        found = 0
        try:
            with closing(self._opened()) as database:
                topics = self._topics(database)
                for message in self._rows(database, topics):
                    found += 1
                    yield message
        except sqlite3.Error as error:
            if not found:
                raise RecordingError(
                    f"{self._path} is damaged, or not the database of a rosbag2: no message can be read; "
                    "record the walk again"
                ) from error
            self.notes.append(f"{self._path.name} is damaged: read up to there, {found} messages")

    def _opened(self) -> sqlite3.Connection:
        log = self._path.with_name(f"{self._path.name}-wal")
        if exists(log) and log.stat().st_size:
            path, mode = self._copy(log), "mode=rw"
            self.notes.append(f"{self._path.name} was not closed: its write-ahead log is read, too")
        else:
            path, mode = self._path, "mode=ro&immutable=1"
            if exists(self._path.with_name(f"{self._path.name}-journal")):
                # To apply it, sqlite would follow and remove files that it names.
                self.notes.append(f"{self._path.name} was not closed: its rollback journal is not applied")
        database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?{mode}", uri=True)
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        database.set_progress_handler(self._look, STEPS)
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        return database

    def _copy(self, log: Path) -> Path:
        """Copy the file and its log: sqlite reads a log only where it may write."""
        for path in (self._path, log):
            with open_regular(path, MOST_BYTES) as source, (self._scratch / path.name).open("wb") as target:
                shutil.copyfileobj(source, target)
        return self._scratch / self._path.name

    def _look(self) -> bool:
        """Tell sqlite whether to stop."""
        self._looks += 1
        return self._looks > MOST_STEPS

    def _topics(self, database: sqlite3.Connection) -> dict[int, tuple[str, str, str]]:
        # A view, a virtual table or a hidden (computed) column would be a program of the file's author.
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name IN ('topics', 'messages')"
        tables = {name: str(sql) for name, sql in database.execute(query)}
        columns = [column for name in tables for column in database.execute(f"PRAGMA table_xinfo({name})")]
        if len(tables) != 2 or any("VIRTUAL" in sql.upper() for sql in tables.values()) or any(c[-1] for c in columns):
            raise RecordingError(f"{self._path} is not the database of a rosbag2: it lacks topics and messages")
        rows: list[tuple[Any, ...]] = database.execute(
            "SELECT id, name, type, serialization_format FROM topics"
        ).fetchmany(MOST_TOPICS)
        return {
            number: (name, kind, encoding)
            for number, name, kind, encoding in rows
            if isinstance(number, int)
            and all(isinstance(text, str) and len(text) <= LONGEST_NAME for text in (name, kind, encoding))
            and self._wanted(name, kind)
        }

    def _rows(self, database: sqlite3.Connection, topics: dict[int, tuple[str, str, str]]) -> Iterator[Message]:
        if not topics:
            return
        most = self._path.stat().st_size // LEAST_ROW
        log = self._scratch / f"{self._path.name}-wal"
        most += log.stat().st_size // LEAST_ROW if log.exists() else 0
        places = ", ".join("?" * len(topics))
        query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({places}) AND length(data) <= ?"
        for count, (number, time, data) in enumerate(database.execute(query, (*topics, MOST_MESSAGE))):
            self._looks = 0
            if count > most:
                raise sqlite3.DatabaseError("it leads in circles")
            if number in topics and isinstance(time, int) and isinstance(data, bytes):
                yield Message(*topics[number], time, data)
