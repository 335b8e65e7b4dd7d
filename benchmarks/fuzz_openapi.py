"""Fuzz the service against its own OpenAPI document with schemathesis, which has an environment of its own.

    python benchmarks/fuzz_openapi.py [--examples 100]

All checks but one: no server error, every status and content type is documented, every response fits its schema, what
the schema forbids is refused. Left out is that whatever a schema allows is accepted: a memory has to exist, too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from common import ROOT
from soak import Service

ENVIRONMENT = ROOT / ".bench" / "schemathesis"
CHECKS, LEFT_OUT = "all", "positive_data_acceptance"


def schemathesis() -> str:
    """Return the command, installed the first time: its dependencies contradict those of the LangGraph server."""
    command = ENVIRONMENT / "bin" / "st"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([ENVIRONMENT / "bin" / "pip", "install", "--quiet", "schemathesis>=4.32,<5"], check=True)
    return str(command)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=100, help="inputs for each endpoint and kind of test")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["MEMORAG_GRAPH_GIST_TOKENS"] = "16"
    with tempfile.TemporaryDirectory() as directory:
        service = Service(Path(directory))
        command = [schemathesis(), "run", f"{service.url}/openapi.json", "--checks", CHECKS, "--continue-on-failure"]
        command += ["--exclude-checks", LEFT_OUT, "--request-timeout", "120"]
        command += ["--max-examples", str(arguments.examples), "--seed", str(arguments.seed)]
        finished = subprocess.run(command, cwd=directory, check=False)
        service.stop()
    sys.exit(finished.returncode)


if __name__ == "__main__":
    main()
