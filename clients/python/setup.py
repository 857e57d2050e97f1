"""The part in C, which does the same as Python in less time.

It is left out where the environment has `AGENT_BROKER_PURE_PYTHON`, where a compiler or Python's headers are missing,
and for Python without a global lock, which has no stable ABI.
"""

import os
import sysconfig

from setuptools import Extension, setup

if os.environ.get("AGENT_BROKER_PURE_PYTHON") or sysconfig.get_config_var("Py_GIL_DISABLED"):
    setup()
else:
    setup(
        ext_modules=[
            Extension(
                "agent_broker._wire._frames",
                ["src/agent_broker/_wire/_frames.c"],
                depends=["setup.py"],
                extra_compile_args=["-O2", "-Wall", "-Wextra"],
                py_limited_api=True,
                optional=True,
            )
        ],
        options={"bdist_wheel": {"py_limited_api": "cp311"}},
    )
