"""The part in C. Where it cannot be built the client does the same in Python."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "agent_broker._wire._frames",
            ["src/agent_broker/_wire/_frames.c"],
            extra_compile_args=["-O2", "-Wall", "-Wextra"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
