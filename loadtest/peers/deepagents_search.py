"""grep and glob of a tree through deepagents' FilesystemBackend in process, one call after the other. For grep it starts
ripgrep where that is installed.
"""

import driver

from deepagents.backends.filesystem import FilesystemBackend


def main():
    parser = driver.arguments(__doc__, "deepagents", "0.7.32")
    parser.add_argument("operation", choices=["grep", "glob"])
    parser.add_argument("--directory", required=True, help="the tree")
    parser.add_argument("--pattern", required=True)
    parser.add_argument("--found", type=int, required=True, help="how many it should find")
    options = parser.parse_args()

    backend = FilesystemBackend(root_dir=options.directory)
    call = {"grep": backend.grep, "glob": backend.glob}[options.operation]
    run = driver.Run(options)
    while run.goes_on():
        since = run.clock()
        answer = call(options.pattern)
        run.ended(since=since)
        if answer.error is not None or len(answer.matches) != options.found:
            raise SystemExit(f"found {len(answer.matches or [])}, and should find {options.found}: {answer.error}")
    run.report()


main()
