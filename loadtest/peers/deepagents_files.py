"""Files through deepagents' FilesystemBackend in process, one call after the other: its calls are functions that wait for
nothing but the disk, and in a thread for each call they are slower.
"""

import os
import string

import driver

from deepagents.backends.filesystem import FilesystemBackend


def main():
    parser = driver.arguments(__doc__, "deepagents", "0.7.32")
    parser.add_argument("operation", choices=["read", "write"])
    parser.add_argument("--directory", required=True)
    parser.add_argument("--files", type=int, default=128)
    parser.add_argument("--size", type=int, default=4096, help="bytes of a file")
    options = parser.parse_args()

    os.makedirs(options.directory, exist_ok=True)
    backend = FilesystemBackend(root_dir=options.directory)
    letters = string.ascii_lowercase
    contents = {
        f"/load-{number}.txt": "".join(letters[(number + place) % 26] for place in range(options.size))
        for number in range(options.files)
    }

    def write(path, expected):
        if (error := backend.write(path, expected).error) is not None:
            raise SystemExit(f"{path}: {error}")

    def read(path, expected):
        if backend.read(path).file_data["content"] != expected:
            raise SystemExit(f"wrong contents in {path}")

    for path, expected in contents.items():
        write(path, expected)
    call = {"read": read, "write": write}[options.operation]
    run = driver.Run(options)
    while run.goes_on():
        for path, expected in contents.items():
            call(path, expected)
        run.ended(len(contents))
    for path, expected in contents.items():
        read(path, expected)
    run.report()


main()
