"""The examples, as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from broker import Broker

DIRECTORY = Path(__file__).resolve().parents[1]


def environment_of(broker: Broker) -> dict[str, str]:
    return os.environ | {
        "AGENT_BROKER_ADDRESS": f"127.0.0.1:{broker.port}",
        "AGENT_BROKER_TOKEN": broker.token,
        "PYTHONPATH": str(DIRECTORY / "src"),
    }


@pytest.mark.parametrize(
    ("example", "last"),
    [
        ("agent_loop.py", "repaired in 4 steps: 2.0"),
        ("fork_join.py", "50 agents found 1229 primes below 10000"),
    ],
)
def test_an_example(broker: Broker, example: str, last: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(DIRECTORY / "examples" / example)],
        env=environment_of(broker),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == last


def test_the_programs_of_the_readme_are_python() -> None:
    text = (DIRECTORY / "README.md").read_text()
    blocks = [block.partition("```")[0] for block in text.split("```python\n")[1:]]
    assert len(blocks) > 3
    for block in blocks:
        compile("async def program():\n" + "".join(f"    {line}\n" for line in block.splitlines()), "README", "exec")
