"""Builds the connector: `python3 build.py`. Runs its tests: `python3 build.py test`. Needs Python 3.10 and its registry."""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
BUILD = HERE / "build"
BINDINGS = BUILD / "bindings"


def run(*command, **options):
    subprocess.run([str(part) for part in command], check=True, cwd=HERE, **options)


def componentize(*arguments):
    programs = VENV / ("Scripts" if os.name == "nt" else "bin")
    if not (VENV / "ready").exists():
        venv.create(VENV, with_pip=True)
        run(programs / "python", "-m", "pip", "install", "--quiet", "-r", "requirements.txt")
        (VENV / "ready").touch()
    run(programs / "componentize-py", "--quiet", "-d", "wit", "-w", "project", *arguments)


def main():
    BUILD.mkdir(exist_ok=True)
    if not BINDINGS.exists():
        componentize("bindings", BINDINGS)
    if sys.argv[1:] == ["test"]:
        path = os.pathsep.join([str(BINDINGS), str(HERE)])
        run(sys.executable, "-m", "unittest", "--verbose", env={**os.environ, "PYTHONPATH": path})
    else:
        # Without WASI: a connector has no files, no clock and no sockets.
        componentize("componentize", "--stub-wasi", "-p", ".", "-o", BUILD / "connector.wasm", "app")


if __name__ == "__main__":
    main()
