"""Every tool, by PyPI's official client of one era or the other, over HTTP or stdio.

suite.py ERA http URL TOKEN | suite.py ERA stdio PROGRAM ARGUMENT…

ERA is "handshake" (mcp before 2) or "stateless" (mcp 2). Prints one line per step; exits with 1 at the first that fails.
"""

import asyncio
import base64
import contextlib
import sys

ERA, TRANSPORT, REST = sys.argv[1], sys.argv[2], sys.argv[3:]
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def parameters():
    from mcp import StdioServerParameters
    import os

    names = [name for name in os.environ if name.startswith("AGENT_BROKER_")]
    return StdioServerParameters(command=REST[0], args=REST[1:], env={name: os.environ[name] for name in names})


@contextlib.asynccontextmanager
async def handshake():
    from mcp import ClientSession

    if TRANSPORT == "stdio":
        from mcp.client.stdio import stdio_client as client

        arguments = {"server": parameters()}
    else:
        from mcp.client.streamable_http import streamablehttp_client as client

        arguments = {"url": REST[0], "headers": {"Authorization": f"Bearer {REST[1]}"}}
    async with client(**arguments) as streams, ClientSession(streams[0], streams[1]) as session:
        result = await session.initialize()
        assert result.protocolVersion == "2025-11-25", result
        yield session


@contextlib.asynccontextmanager
async def stateless():
    from mcp.client import Client

    if TRANSPORT == "stdio":
        from mcp.client.stdio import stdio_client

        transport = stdio_client(parameters())
    else:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client

        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {REST[1]}"}, timeout=60)
        transport = streamable_http_client(REST[0], http_client=http)
    async with Client(transport, mode="auto") as client:
        assert client.protocol_version == "2026-07-28", client.protocol_version
        yield client


class Tools:
    """The same calls, whatever the client is."""

    def __init__(self, session):
        self.session = session
        self.called = set()

    async def names(self):
        return [tool.name for tool in (await self.session.list_tools()).tools]

    async def call(self, name, fails=False, progress=None, **arguments):
        self.called.add(name)
        options = {"progress_callback": progress} if progress else {}
        result = await self.session.call_tool(name, arguments, **options)
        is_error = result.isError if ERA == "handshake" else result.is_error
        assert bool(is_error) == fails, (name, arguments, result.content)
        return result

    async def text(self, name, **arguments):
        result = await self.call(name, **arguments)
        return "\n".join(block.text for block in result.content if block.type == "text")

    async def data(self, name, **arguments):
        result = await self.call(name, **arguments)
        return result.structuredContent if ERA == "handshake" else result.structured_content


def equal(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"
    print("ok", str(wanted)[:60].replace("\n", "\\n"))


async def files(tools):
    equal(await tools.text("list_allowed_directories"), "Allowed directories:\n/workspace")
    await tools.text("create_directory", path="src/deep")
    equal(await tools.text("write_file", path="src/a.txt", content="one\ntwo\nthree\n"), "Successfully wrote to src/a.txt")
    equal(await tools.text("read_file", path="/workspace/src/a.txt"), "one\ntwo\nthree\n")
    equal(await tools.data("read_text_file", path="src/a.txt"), {"content": "one\ntwo\nthree\n"})
    equal(await tools.text("read_text_file", path="src/a.txt", head=2), "one\ntwo")
    equal(await tools.text("read_text_file", path="src/a.txt", tail=1), "three")
    await tools.call("read_text_file", path="src/a.txt", head=1, tail=1, fails=True)
    await tools.call("read_text_file", path="../etc/passwd", fails=True)
    await tools.call("read_text_file", fails=True)
    lines = await tools.data("read_lines", path="src/a.txt", offset=1, limit=1)
    equal(lines, {"content": "two\n", "lines": 1, "totalLines": 3, "next": 2})
    await tools.text("write_file", path="src/b.txt", content="b")
    equal(
        await tools.text("read_multiple_files", paths=["src/b.txt", "nope", "../.."]),
        "src/b.txt:\nb\n\n---\nnope: Error - /workspace/nope: there is no such file or directory; check the path, or make it "
        "first\n---\n../..: Error - the path leads outside the scope: ../..; use one beneath /workspace",
    )
    diff = await tools.text("edit_file", path="src/a.txt", edits=[{"oldText": "two", "newText": "2"}], dryRun=True)
    equal("-two\n+2\n" in diff and diff.startswith("```diff\nIndex: src/a.txt\n"), True)
    equal(await tools.text("read_file", path="src/a.txt"), "one\ntwo\nthree\n")
    await tools.text("edit_file", path="src/a.txt", edits=[{"oldText": "  two  ", "newText": "2"}])
    equal(await tools.text("read_file", path="src/a.txt"), "one\n2\nthree\n")
    await tools.call("edit_file", path="src/a.txt", edits=[{"oldText": "two", "newText": "2"}], fails=True)
    equal(await tools.text("list_directory", path="src"), "[FILE] a.txt\n[FILE] b.txt\n[DIR] deep")
    equal(
        await tools.text("list_directory_with_sizes", path="src", sortBy="size"),
        f"[DIR] {'deep':30} \n[FILE] {'a.txt':30} {'12 B':>10}\n[FILE] {'b.txt':30} {'1 B':>10}\n\n"
        "Total: 2 files, 1 directories\nCombined size: 13 B",
    )
    await tools.call("move_file", source="src/b.txt", destination="src/a.txt", fails=True)
    equal(
        await tools.text("move_file", source="src/b.txt", destination="src/deep/c.txt"),
        "Successfully moved src/b.txt to src/deep/c.txt",
    )
    tree = await tools.text("directory_tree", path="src", excludePatterns=["a.txt"])
    import json

    equal(
        json.loads(tree),
        [{"name": "deep", "type": "directory", "children": [{"name": "c.txt", "type": "file"}]}],
    )
    equal(await tools.text("search_files", path="src", pattern="*.txt"), "/workspace/src/a.txt")
    equal(
        await tools.text("search_files", path="src", pattern="**/*.txt", excludePatterns=["a.*"]),
        "/workspace/src/deep/c.txt",
    )
    equal(await tools.text("search_files", path="src", pattern="*.c"), "No matches found")
    info = await tools.text("get_file_info", path="src/a.txt")
    equal(info.startswith("size: 12\n") and info.endswith("isFile: true\npermissions: 644"), True)
    found = await tools.data("glob", pattern="**/*.txt", limit=1)
    equal(found, {"files": [{"path": "/workspace/src/a.txt", "type": "file"}], "next": "/workspace/src/a.txt"})
    found = await tools.data("glob", pattern="**/*.txt", after=found["next"])
    equal(found, {"files": [{"path": "/workspace/src/deep/c.txt", "type": "file"}]})
    found = await tools.data("grep", pattern="^t.*e$", path="src", context=1)
    match = {"path": "/workspace/src/a.txt", "line": 3, "text": "three", "before": ["2"]}
    equal(found, {"matches": [match], "truncated": False})


async def commands(tools):
    result = await tools.data("exec", command="echo $X; pwd; echo err >&2; exit 3", env={"X": "y"}, cwd="src")
    equal((result["stdout"], result["stderr"], result["exitCode"]), ("y\n/workspace/src\n", "err\n", 3))
    result = await tools.call("exec", command="sleep 600", timeout=0.3, fails=True)
    result = await tools.data("exec", command="yes | head -c 2000000")
    equal((result["stdoutBytes"], len(result["stdout"]) < 300_000), (2_000_000, True))
    import base64

    await tools.call("exec", command=f"echo {base64.b64encode(PICTURE).decode()} | base64 -d > p.png; head -c 9 p.png > p.bin")
    block = (await tools.call("read_media_file", path="p.png")).content[0]
    equal((block.type, base64.b64decode(block.data)), ("image", PICTURE))
    block = (await tools.call("read_media_file", path="p.bin")).content[0]
    equal((block.type, base64.b64decode(block.resource.blob)), ("resource", PICTURE[:9]))

    told = []

    async def progress(amount, total, message):
        told.append(amount)

    await tools.call("exec", command="sleep 2.5", progress=progress)
    equal(len(told) > 0 and told == sorted(set(told)), True)

    started = await tools.data("exec_start", command="while read line; do echo got $line; done; echo bye >&2; exit 4")
    identity = started["id"]
    await tools.call("exec_input", id=identity, input="a\nb\n")
    output, offset = "", 0
    while output != "got a\ngot b\n":
        piece = await tools.data("exec_output", id=identity, stdoutOffset=offset, wait=60)
        output, offset = output + piece["stdout"], piece["stdoutNext"]
        equal(piece["running"], True)
    listed = (await tools.data("exec_list"))["commands"]
    equal([(c["id"], c["running"], c["stdoutBytes"]) for c in listed], [(identity, True, 12)])
    await tools.call("exec_input", id=identity, close=True)
    piece = {"running": True}
    while piece["running"]:
        piece = await tools.data("exec_output", id=identity, stdoutOffset=offset, stderrOffset=100, wait=60)
    piece = await tools.data("exec_output", id=identity, stdoutOffset=4)
    equal((piece["stdout"], piece["stderr"], piece["exitCode"]), ("a\ngot b\n", "bye\n", 4))
    identity = (await tools.data("exec_start", command="sleep 600"))["id"]
    equal((await tools.data("exec_kill", id=identity))["running"], False)
    await tools.call("exec_kill", id=identity + 1000, fails=True)


async def main():
    async with (handshake if ERA == "handshake" else stateless)() as session:
        tools = Tools(session)
        names = await tools.names()
        await files(tools)
        await commands(tools)
        equal(tools.called, set(names))


asyncio.run(main())
