"""Fifty agents at once, each in a scope of its own that no other sees; then their results are joined.

export AGENT_BROKER_ADDRESS=127.0.0.1:7420 AGENT_BROKER_TOKEN=ab_…    # `make run` prints both
python examples/fork_join.py
"""

from __future__ import annotations

import asyncio
import os

from agent_broker import RemoteFilesystemBackend, RemoteFilesystemBackendConfig, ScopeConfig

AGENTS = 50
SHARE = 200


async def count_primes(team: RemoteFilesystemBackend, number: int) -> int:
    """The work of one agent: its share of the numbers."""
    first = number * SHARE
    agent = team.scope(f"agents/{number}", ScopeConfig(env={"FIRST": str(first), "LAST": str(first + SHARE)}))
    await agent.write(
        "work.py",
        "import os\n"
        "numbers = range(int(os.environ['FIRST']), int(os.environ['LAST']))\n"
        "primes = [n for n in numbers if n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))]\n"
        "open('primes', 'w').write('\\n'.join(map(str, primes)))\n"
        "print(len(primes), os.listdir('/workspace'))\n",
    )
    count, _, seen = str(await agent.exec("python3 work.py")).partition(" ")
    if set(seen.strip("[]").replace("'", "").split(", ")) != {"work.py", "primes"}:
        raise SystemExit(f"agent {number} sees more than its scope: {seen}")
    return int(count)


async def main() -> None:
    host, _, port = os.environ.get("AGENT_BROKER_ADDRESS", "127.0.0.1:7420").rpartition(":")
    config = RemoteFilesystemBackendConfig(
        host=host, port=int(port), auth_token=os.environ["AGENT_BROKER_TOKEN"], key="fork-join"
    )
    async with RemoteFilesystemBackend(config) as team:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(count_primes(team, number)) for number in range(AGENTS)]
        total = sum(task.result() for task in tasks)
        found = await team.glob("agents/*/primes")
        print(f"{len(found.files)} agents found {total} primes below {AGENTS * SHARE}")


if __name__ == "__main__":
    asyncio.run(main())
