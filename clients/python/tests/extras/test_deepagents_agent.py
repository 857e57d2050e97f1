"""A deep agent that works in a sandbox. What its model says is written here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from broker import Broker
from deepagents import create_deep_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from test_deepagents_standard import VERSION, sandbox_of


class WrittenModel(GenericFakeChatModel):
    """Says one message after the other, whatever tools there are."""

    def bind_tools(self, tools: Sequence[Any], **_: Any) -> Any:
        return self


def call(name: str, **arguments: object) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": name}])


def test_an_agent_writes_runs_and_edits(broker: Broker) -> None:
    said = [
        call("write_file", file_path="/workspace/a.py", content="print('one')\n"),
        call("edit_file", file_path="/workspace/a.py", old_string="one", new_string="two"),
        call("execute", command="python3 /workspace/a.py"),
        call("grep", pattern="two"),
        AIMessage("done"),
    ]
    with sandbox_of(broker, f"agent-{'.'.join(map(str, VERSION))}") as sandbox:
        invoke: Callable[[Any], Any] = create_deep_agent(
            model=WrittenModel(messages=iter(said)), backend=sandbox
        ).invoke
        answer = invoke({"messages": [HumanMessage("go")]})
        results = {m.name: str(m.content) for m in answer["messages"] if isinstance(m, ToolMessage)}
        assert "two" in results["execute"]
        assert "/workspace/a.py" in results["grep"]
        assert answer["messages"][-1].content == "done"
        downloaded = sandbox.download_files(["/workspace/a.py"])[0]
        assert downloaded.content == b"print('two')\n"
