"""Virtual environments of the competitors, installed once into ``.bench`` in the repository's root."""

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
KEPT = ROOT / ".bench"

_SHARED = ("torch", "transformers", "faiss-cpu", "numpy")
"""Packages installed for the original in the same versions as for this package."""

_ORIGINAL = ("accelerate", "semantic-text-splitter", "langdetect", "openai")


def original() -> Path:
    """Return the interpreter of an environment with memorag 0.1.5 as published, without its CUDA libraries."""

    def install(python: Path) -> None:
        _pip(python, *(f"{name}=={version(name)}" for name in _SHARED), *_ORIGINAL)
        _pip(python, "--no-deps", "memorag==0.1.5")

    return _environment("original", install)


def llama_cpp() -> Path:
    """Return the interpreter of an environment with llama.cpp, built from source for this processor (minutes)."""

    def install(python: Path) -> None:
        os.environ["CMAKE_BUILD_PARALLEL_LEVEL"] = str(os.cpu_count())
        _pip(python, "--no-binary", "llama-cpp-python", "llama-cpp-python>=0.3.36,<0.4")

    return _environment("llama.cpp", install)


def has_llama_cpp() -> bool:
    """Return whether llama.cpp is built."""
    return (KEPT / "llama.cpp" / ".installed").exists()


def _environment(name: str, install: Callable[[Path], None]) -> Path:
    directory = KEPT / name
    python = directory / "bin" / "python"
    if not (directory / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(directory)], check=True)
        install(python)
        (directory / ".installed").touch()
    return python


def _pip(python: Path, *what: str) -> None:
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *what], check=True)
