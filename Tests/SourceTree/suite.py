"""Answers of a broker on a real tree of sources, beside those of the programs whose rules they follow."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from agent_broker import RemoteFilesystemBackend, RemoteFilesystemBackendConfig
from agent_broker.files import TextEdit
from agent_broker.paths import ROOT

GLOBS, GREPS, EDITS = 300, 24, 200
SEED = 6
ALL = 10**6
"""More than any answer has."""
WHERE = "tree"


class Comparison:
    """One tree, and what is asked of it. Questions are random, and the same in every run."""

    def __init__(self, backend: RemoteFilesystemBackend, tree: Path) -> None:
        self.backend = backend
        self.tree = tree
        self.random = random.Random(SEED)
        self.differences = 0
        found = sorted(path for path in tree.rglob("*") if path.is_symlink() or not path.is_dir())
        self.names = [str(path.relative_to(tree)) for path in found]
        self.contents = {
            name: path.read_bytes() for name, path in zip(self.names, found, strict=True) if not path.is_symlink()
        }
        # For the broker a file with a NUL anywhere is binary. GNU grep tells the lines before it.
        self.texts = [name for name, content in self.contents.items() if b"\0" not in content]

    async def run(self) -> None:
        print(f"{len(self.names)} files, {len(self.texts)} of them text; seed {SEED}")
        print(f"glob: {GLOBS} patterns, {await self.globs()} matches, as bash's globstar and find")
        print(f"grep: {GREPS} patterns, {await self.greps()} lines, as GNU grep")
        print(f"edit: {EDITS} files, {await self.edits()} diffs applied by patch to the same bytes")

    def program(self, *words: str) -> bytes:
        environment = {"LC_ALL": "C", "PATH": os.environ["PATH"]}
        return subprocess.run(words, cwd=self.tree, env=environment, capture_output=True, check=False).stdout

    def expect(self, what: str, found: object, expected: object) -> None:
        if found == expected:
            return
        self.differences += 1
        if isinstance(found, set) and isinstance(expected, set):
            found = f"{len(found)}, not {len(expected)}: {sorted(found ^ expected)[:5]}"
        print(f"DIFFERENCE: {what}: {str(found)[:400]}")

    async def globs(self) -> int:
        count = 0
        # What needs no quoting in bash, and is not hidden from a pattern.
        plain = [name for name in self.names if re.fullmatch(r"[A-Za-z0-9_+./-]+", name) and "/." not in f"/{name}"]
        for _ in range(GLOBS):
            pattern = self.pattern(self.random.choice(plain))
            answer = await self.backend.glob(pattern, WHERE, limit=ALL)
            found = {relative(file.path) for file in answer.files}
            self.expect(f"glob {pattern}", found, self.matches(pattern))
            count += len(found)
        return count

    def pattern(self, name: str) -> str:
        """One that matches the name, and perhaps others."""
        parts = name.split("/")
        for place, part in enumerate(parts):
            kind = self.random.random()
            if kind < 0.25:
                parts[place] = "*"
            elif kind < 0.45:
                parts[place] = part[: self.random.randint(1, len(part))] + "*"
            elif kind < 0.55:
                at = self.random.randrange(len(part))
                parts[place] = part[:at] + "?" + part[at + 1 :]
            elif kind < 0.62:
                parts[place] = f"[!{self.random.choice('abcx')}]*"
            elif kind < 0.7 and len(parts) > 1:
                parts[place] = "{" + part + "," + self.random.choice(["bfd", "*.c", "gas"]) + "}"
        if self.random.random() < 0.4:
            parts[self.random.randrange(len(parts))] = "**"
        return "/".join([*parts, "*.[ch]"] if parts[-1] == "**" else parts)

    def matches(self, pattern: str) -> set[str]:
        if "/" in pattern:
            script = f"""
                shopt -s globstar nullglob
                for f in {pattern}; do
                    if [ -L "$f" ] || [ -f "$f" ]; then printf '%s\\0' "$f"; fi
                done
            """
            output = self.program("bash", "-c", script)
        else:
            # Without a slash a name matches at any depth.
            output = self.program("find", ".", "!", "-type", "d", "-name", pattern, "!", "-path", "*/.*", "-print0")
        return {name.removeprefix("./") for name in os.fsdecode(output).split("\0") if name}

    async def greps(self) -> int:
        count = 0
        for number in range(GREPS):
            expression, ignore_case = number % 2 == 1, number % 5 == 0
            word = self.word()
            pattern = rf"{word[:3]}[a-z_]+{word[-2:]}\b" if expression else word
            answer = await self.backend.grep(
                pattern, WHERE, regular_expression=expression, ignore_case=ignore_case, limit=ALL
            )
            self.expect(f"grep {pattern}, truncated", answer.truncated, False)
            found = {(relative(match.path), match.line) for match in answer.matches}
            self.expect(f"grep {pattern}", found, self.lines(pattern, expression, ignore_case))
            count += len(found)
        return count

    def word(self) -> str:
        while True:
            content = self.contents[self.random.choice(self.texts)]
            words = re.findall(rb"[A-Za-z_][A-Za-z_0-9]{5,14}", content)
            if words:
                return self.random.choice(words).decode()

    def lines(self, pattern: str, expression: bool, ignore_case: bool) -> set[tuple[str, int]]:
        options = ["-rnIZ", "-P" if expression else "-F", *(["-i"] if ignore_case else [])]
        hidden = ["--exclude=.*", "--exclude-dir=.?*", "--exclude-dir=CVS", "--exclude-dir=_darcs"]
        found = set()
        for line in self.program("grep", *options, *hidden, "-e", pattern, ".").split(b"\n"):
            name, separator, rest = line.partition(b"\0")
            path = os.fsdecode(name).removeprefix("./")
            if separator and b"\0" not in self.contents[path]:
                found.add((path, int(rest.partition(b":")[0])))
        return found

    async def edits(self) -> int:
        done = patched = 0
        while done < EDITS:
            content = self.contents[self.random.choice(self.texts)]
            if not 200 < len(content) < 200_000 or not is_text(content):
                continue
            edits, expected = self.some_edits(content)
            if not edits:
                continue
            await self.backend.write("edited", content)
            planned = await self.backend.edit("edited", edits, dry_run=True)
            self.expect(f"content after a dry run of {edits}", await self.backend.read_bytes("edited"), content)
            if planned.diff is not None:
                self.expect(f"patch with the diff of {edits}", self.patched(content, planned.diff), expected)
                patched += 1
            await self.backend.edit("edited", edits)
            self.expect(f"content after {edits}", await self.backend.read_bytes("edited"), expected)
            done += 1
        return patched

    def patched(self, content: bytes, diff: str) -> bytes:
        file = self.tree / ".patched"
        file.write_bytes(content)
        subprocess.run(["patch", "--silent", file], input=diff.encode(), check=False, capture_output=True)
        return file.read_bytes()

    def some_edits(self, content: bytes) -> tuple[list[TextEdit], bytes]:
        """Up to four, and what they make of the content."""
        edits = []
        for _ in range(self.random.randint(1, 4)):
            if len(content) < 60:
                break
            at = self.random.randrange(len(content) - 30)
            old = content[at : at + self.random.randint(5, 30)]
            new = bytes(self.random.choice(b"abc \n") for _ in range(self.random.randint(0, 20)))
            if is_text(old):
                everywhere = content.count(old) > 1
                edits.append(TextEdit(old, new, everywhere))
                content = content.replace(old, new)
        return edits, content


def is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def relative(path: str) -> str:
    return path.removeprefix(f"{ROOT}/{WHERE}/")


async def compare(ready: dict[str, str], root: str, source: str) -> int:
    config = RemoteFilesystemBackendConfig(
        port=int(ready["wire"].rpartition(":")[2]),
        auth_token=ready["token"],
        key="sources",
        # Other programs run meanwhile, and nothing else does.
        keepalive_interval_ms=600_000,
    )
    async with RemoteFilesystemBackend(config) as backend:
        await backend.write("made", "")
        tree = Path(root, "v1/orgs/default/sources", WHERE)
        shutil.copytree(source, tree, symlinks=True)
        comparison = Comparison(backend, tree)
        await comparison.run()
        return comparison.differences


def main() -> None:
    program, source, scratch = sys.argv[1:]
    root, log = f"{scratch}/root", Path(scratch, "log")
    with log.open("wb") as errors:
        broker = subprocess.Popen(
            [program, "serve", "--json", "--root", root, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    try:
        assert broker.stdout is not None
        differences = asyncio.run(compare(json.loads(broker.stdout.readline()), root, source))
    except BaseException:
        print(log.read_text(errors="replace")[-10_000:], file=sys.stderr)
        raise
    finally:
        broker.terminate()
        broker.wait()
    print(f"differences: {differences}")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
