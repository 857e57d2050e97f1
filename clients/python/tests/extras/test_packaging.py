"""What `pip install` gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from broker import Broker
from test_examples import DIRECTORY, environment_of


def build(directory: Path, **environment: str) -> Path:
    """A wheel of the package, made in the directory."""
    source = directory / "source"
    shutil.copytree(DIRECTORY, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "*.so"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(directory)]
    subprocess.run([*command, str(source)], env=os.environ | environment, check=True)
    [wheel] = directory.glob("agent_broker_client-*.whl")
    return wheel


def native_parts(wheel: Path) -> list[str]:
    """Of what is built from C."""
    return [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith((".so", ".c"))]


def test_without_a_compiler_it_is_built_all_the_same(tmp_path: Path) -> None:
    assert native_parts(build(tmp_path, CC="false")) == []


def test_a_wheel_for_every_machine_can_be_asked_for(tmp_path: Path) -> None:
    wheel = build(tmp_path, AGENT_BROKER_PURE_PYTHON="1")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert native_parts(wheel) == []


def test_the_wheel_runs_the_quick_start_as_printed(broker: Broker, tmp_path: Path) -> None:
    wheel = build(tmp_path)
    assert "-cp311-abi3-" in wheel.name
    assert native_parts(wheel) == ["agent_broker/_wire/_frames.abi3.so"]
    clean = tmp_path / "clean"
    subprocess.run([sys.executable, "-m", "venv", str(clean)], check=True)
    # Of run-tests: the packages that it depends on. Without them they come from the index.
    given = os.environ.get("WHEELS")
    where = ["--no-index", "--find-links", given] if given else []
    subprocess.run([str(clean / "bin" / "pip"), "install", "-q", *where, str(wheel)], check=True)

    text = (DIRECTORY / "README.md").read_text()
    program = text.split("```python\n")[1].partition("```")[0]
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
    script = tmp_path / "quick_start.py"
    script.write_text(program)
    environment = environment_of(broker)
    del environment["PYTHONPATH"]
    ended = subprocess.run(
        [str(clean / "bin" / "python"), "-W", "error", str(script)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "hello from an agent\n", "")
    program = "import agent_broker, agent_broker._wire._frames; print(agent_broker.__file__)"
    typed = subprocess.run(
        [str(clean / "bin" / "python"), "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(typed.stdout.strip()).with_name("py.typed").exists()
