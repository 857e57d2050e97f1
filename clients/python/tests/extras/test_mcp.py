"""Backends as tools of the Model Context Protocol."""

from __future__ import annotations

from broker import Broker
from mcp import Client
from mcp.types import TextContent

from agent_broker import MemoryBackend, RemoteFilesystemBackend


async def said(client: Client, tool: str, **arguments: object) -> str:
    result = await client.call_tool(tool, arguments)
    texts = [part.text for part in result.content if isinstance(part, TextContent)]
    return ("error: " if result.is_error else "") + "\n".join(texts)


async def test_tools_of_a_scope(broker: Broker) -> None:
    async with RemoteFilesystemBackend(broker.config(key="mcp")) as backend:
        client = await backend.get_mcp_client("project")
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"read_text_file", "write_file", "edit_file", "search_files", "grep", "exec"} <= names
        await said(client, "write_file", path="src/a.py", content="print('one')\n")
        assert await backend.read("project/src/a.py") == "print('one')\n"
        assert "+print('two')" in await said(client, "edit_file", path="src/a.py", old_text="one", new_text="two")
        assert await said(client, "exec", command="python3 src/a.py") == "two\n\n[exit code 0]"
        assert await said(client, "search_files", pattern="*.py") == "/workspace/src/a.py"
        assert await said(client, "grep", text="two") == "/workspace/src/a.py:1:print('two')"
        assert "leads outside" in await said(client, "read_text_file", path="../../x")
        assert (await said(client, "read_text_file", path="missing")).startswith("error: ")
        async with Client(await backend.get_mcp_transport()) as own:
            assert await said(own, "list_directory", path="project") == "src"


async def test_tools_of_memory() -> None:
    memory = MemoryBackend()
    client = await memory.get_mcp_client()
    assert "exec" not in {tool.name for tool in (await client.list_tools()).tools}
    await said(client, "write_file", path="a/b", content="x")
    assert await memory.read("a/b") == "x"
    await memory.destroy()
