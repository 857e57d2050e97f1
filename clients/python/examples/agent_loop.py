"""An agent that repairs a program, on a broker, without a model: what a model would say is decided by a few rules.

export AGENT_BROKER_ADDRESS=127.0.0.1:7420 AGENT_BROKER_TOKEN=ab_…    # `make run` prints both
python examples/agent_loop.py
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from agent_broker import BackendError, RemoteFilesystemBackend, RemoteFilesystemBackendConfig, TextEdit

PROGRAM = """\
def mean(values):
    return sum(values) / len(value)

if __name__ == "__main__":
    print(mean([1, 2, 3]))
"""


@dataclass
class Step:
    """What the model wants done."""

    tool: str
    arguments: dict[str, str] = field(default_factory=dict)


class Rules:
    """Stands in for a model: sees what the last step gave, and says the next one."""

    def next(self, observation: str) -> Step:
        if observation == "":
            return Step("write", {"path": "mean.py", "content": PROGRAM})
        if "NameError" in observation:
            return Step("edit", {"path": "mean.py", "old": "len(value)", "new": "len(values)"})
        if "2.0" in observation:
            return Step("done")
        return Step("run", {"command": "python3 mean.py"})


async def act(workspace: RemoteFilesystemBackend, step: Step) -> str:
    """Does a step and returns what the model is to see of it."""
    arguments = step.arguments
    try:
        match step.tool:
            case "write":
                await workspace.write(arguments["path"], arguments["content"])
                return "written"
            case "edit":
                result = await workspace.edit(arguments["path"], [TextEdit(arguments["old"], arguments["new"])])
                return result.diff or "edited"
            case "run":
                return str(await workspace.exec(arguments["command"]))
            case other:
                return f"there is no tool {other}"
    except BackendError as error:
        # The model sees it and may do better; a connection that is lost would be raised again here.
        return f"{error.code}: {error}"


async def main() -> None:
    host, _, port = os.environ.get("AGENT_BROKER_ADDRESS", "127.0.0.1:7420").rpartition(":")
    config = RemoteFilesystemBackendConfig(
        host=host, port=int(port), auth_token=os.environ["AGENT_BROKER_TOKEN"], key="agent-loop"
    )
    async with RemoteFilesystemBackend(config) as workspace:
        model = Rules()
        observation = ""
        for turn in range(1, 11):
            step = model.next(observation)
            if step.tool == "done":
                print(f"repaired in {turn - 1} steps: {observation}")
                return
            observation = await act(workspace, step)
            print(f"{turn}. {step.tool}: {observation.splitlines()[-1] if observation else ''}")
        raise SystemExit("not repaired in 10 steps")


if __name__ == "__main__":
    asyncio.run(main())
