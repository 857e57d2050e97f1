"""A backend as tools of the Model Context Protocol, by a server in this process. Needs the extra `mcp`."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from agent_broker.errors import BackendError
from agent_broker.files import TextEdit
from agent_broker.memory import MemoryView
from agent_broker.options import ExecOptions
from agent_broker.remote import RemoteOperations

Backend = RemoteOperations | MemoryView

_Tool = Callable[..., Awaitable[Any]]
_Register = Callable[[_Tool], _Tool]


def create_server(backend: Backend) -> MCPServer:
    """A server whose tools work on the backend: files, and for one with a shell searches, edits and commands.

    `mcp.Client` connects to it, and it runs on any of the transports of `mcp`. It is not closed with the backend.
    """
    server = MCPServer("agent-broker")
    tool = _tools_of(server)

    @tool
    async def read_text_file(path: str) -> str:
        """Reads a file, which has to be text."""
        content = await backend.read(path)
        return content if isinstance(content, str) else content.decode()

    @tool
    async def write_file(path: str, content: str) -> str:
        """Writes a file as a whole, with its parent directories; what was there is replaced."""
        await backend.write(path, content)
        return f"wrote {path}"

    @tool
    async def list_directory(path: str) -> list[str]:
        """The names in a directory."""
        return await backend.readdir(path)

    @tool
    async def create_directory(path: str) -> str:
        """Makes a directory, with its parents."""
        await backend.mkdir(path)
        return f"made {path}"

    @tool
    async def move_file(source: str, destination: str) -> str:
        """Gives a file or directory another name."""
        await backend.rename(source, destination)
        return f"moved {source} to {destination}"

    @tool
    async def delete_file(path: str) -> str:
        """Deletes a file or a directory with all that is in it."""
        await backend.rm(path, recursive=True)
        return f"deleted {path}"

    @tool
    async def get_file_info(path: str) -> dict[str, str | int | float]:
        """Type, size in bytes and time of the last change, in seconds since 1970."""
        stat = await backend.stat(path)
        return {"type": stat.type, "size": stat.size, "modified": stat.modified}

    if isinstance(backend, RemoteOperations):
        _add_searches(tool, backend)
        _add_commands(tool, backend)
    return server


def _tools_of(server: MCPServer) -> _Register:
    """A decorator that makes a function a tool, whose errors say what the backend says."""

    def register(function: _Tool) -> _Tool:
        @functools.wraps(function)
        async def tool(*arguments: Any, **options: Any) -> Any:
            try:
                return await function(*arguments, **options)
            except BackendError as error:
                raise ToolError(f"{error.code}: {error}") from error

        server.tool()(tool)
        return function

    return register


def _add_searches(tool: _Register, backend: RemoteOperations) -> None:
    @tool
    async def edit_file(path: str, old_text: str, new_text: str, replace_all: bool = False) -> str:
        """Replaces a text that is in a file once, or wherever it is; returns the difference."""
        result = await backend.edit(path, [TextEdit(old_text, new_text, replace_all)])
        return result.diff or f"replaced {result.replacements[0]} times"

    @tool
    async def search_files(pattern: str, path: str = "/workspace") -> list[str]:
        """Paths of files that match a pattern such as `*.py` or `src/**/*.py`."""
        return [file.path for file in (await backend.glob(pattern, path, limit=1000)).files]

    @tool
    async def grep(text: str, path: str = "/workspace", regular_expression: bool = False) -> list[str]:
        """Lines that hold a text, or match a regular expression, as PATH:LINE:TEXT."""
        found = await backend.grep(text, path, regular_expression=regular_expression)
        return [f"{match.path}:{match.line}:{match.text}" for match in found.matches]


def _add_commands(tool: _Register, backend: RemoteOperations) -> None:
    @tool
    async def exec(command: str, timeout_seconds: int = 120) -> str:
        """Runs a shell command in the workspace; returns what it wrote, and how it ended."""
        options = ExecOptions(timeout_ms=timeout_seconds * 1000, max_output_length=256 << 10)
        result = await backend.run(command, options)
        parts = [result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")]
        return "".join(parts) + f"\n[{result.end.description}]"


class _Connected:
    """A client that is entered and left by one task, as its cancel scopes ask for."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._done = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def client(self) -> Client:
        """Waits until it is connected."""
        return await self._ready

    async def close(self) -> None:
        """Ends it. Idempotent."""
        self._done.set()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            async with Client(create_server(self._backend)) as client:
                self._ready.set_result(client)
                await self._done.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)


async def create_client(backend: Backend) -> Client:
    """A client that is connected to such a server, until the backend is destroyed."""
    connected = _Connected(backend)
    backend.track_closeable(connected)
    return await connected.client()
