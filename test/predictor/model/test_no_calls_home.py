"""A program that forecasts asks for no host, opens no connection, and writes nothing below the home directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rigs.tiny_bundle import write_tiny_bundle

# Notes every look-up of a host and every socket to another machine that the process asks the C library for.
WATCH = """
#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>
#include <cstdio>
#include <cstdlib>
static void note(const char* what, const char* detail) {
  FILE* file = fopen(getenv("CALLS"), "a");
  if (file) { fprintf(file, "%s %s\\n", what, detail ? detail : ""); fclose(file); }
}
extern "C" int getaddrinfo(const char* node, const char*, const struct addrinfo*, struct addrinfo**) {
  note("look-up of", node);
  return EAI_NONAME;
}
extern "C" int socket(int domain, int type, int protocol) {
  if (domain == AF_INET || domain == AF_INET6) note("internet socket", "");
  auto real = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
  return real(domain, type, protocol);
}
"""
FORECASTING = """
import sys, time
import numpy as np
from pathlib import Path
from ankle_predictor.model.bundle import load_bundle
from ankle_predictor.model.engine import load_engine
engine = load_engine(load_bundle("tiny", [Path(sys.argv[1])]))
end = time.monotonic() + 12.0  # without the switch the first look-up came within ten seconds
while time.monotonic() < end:
    engine.forecast(np.zeros((200, 16)))
    time.sleep(0.05)
"""
CONTROL = """
import socket
try:
    socket.getaddrinfo("control.invalid", 80)
except OSError:
    pass
"""


def calls_of(code: str, folder: Path, *arguments: str) -> list[str]:
    """Run code under the watch; return what it asked for, and what it wrote below its home directory."""
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("c++, which the watch is compiled with, is not installed")
    source, library, calls, home = (folder / name for name in ("watch.cpp", "watch.so", "calls", "home"))
    source.write_text(WATCH)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    home.mkdir(exist_ok=True)
    calls.write_text("")
    watched = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    watched |= {"HOME": str(home), "CALLS": str(calls), "LD_PRELOAD": str(library)}
    watched["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    watched = {name: value for name, value in watched.items() if not name.startswith("XDG_")}
    subprocess.run([sys.executable, "-c", code, *arguments], env=watched, check=True)
    return calls.read_text().splitlines() + [str(path.relative_to(home)) for path in home.rglob("*")]


def test_forecasting_calls_nobody_and_leaves_no_trace(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "models")
    assert calls_of(CONTROL, tmp_path) == ["look-up of control.invalid"]  # the watch sees what there is
    assert calls_of(FORECASTING, tmp_path, str(tmp_path / "models")) == []
