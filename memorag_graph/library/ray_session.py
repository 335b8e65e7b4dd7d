"""A Ray for units of work: the caller's own, that of a cluster, or one that is started on this machine for it."""

import logging
import os
import re
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray._private import worker as ray_driver
from ray.exceptions import RayError
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from memorag_graph.errors import InputError, UnavailableError, first_line
from memorag_graph.processors import usable_processors

AUTO = "auto"

TRIED_SECONDS = 10.0
"""For how long a cluster that does not answer is tried again, with growing random pauses."""

_VARIABLE = "RAY_ADDRESS"
_ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[\da-fA-F:]+\]):(?P<port>\d{1,5})")
_CONNECT_SECONDS = 5
_REFUSAL = "InvalidAuthToken"
"""In what a cluster answers that asks for a token."""

_OBJECT_BYTES = 1 << 28
"""Shared memory of a Ray that is started here; what is handed out is small."""


def checked_address(given: str) -> str:
    """Return the address of a cluster; empty for a Ray on this machine.

    Args:
        given: ``"auto"``: that of the environment variable ``RAY_ADDRESS``, or a Ray that is started here; or
            ``HOST:PORT``.

    Raises:
        InputError: If it is neither.
    """
    address = os.environ.get(_VARIABLE, "") if given == AUTO else given
    if address and not _ADDRESS.fullmatch(address):
        named = f"{_VARIABLE} is {address!r}, but it" if given == AUTO else f"{address!r}"
        raise InputError(
            "ray",
            f"{named} must be {AUTO!r} or HOST:PORT of a Ray cluster, as 'ray start --head' tells it, and this has to "
            "run on one of the cluster's machines",
        )
    return address


@contextmanager
def ray_session(address: str) -> Iterator[str]:
    """Connect to a Ray, and give what messages call it; one that the caller has started is used, and left running.

    Args:
        address: Of a cluster, as :func:`checked_address` returns it; empty for a Ray on this machine.

    Raises:
        UnavailableError: If it does not answer, or cannot be started.
    """
    if ray.is_initialized():
        yield "the Ray of this process"
        return
    name = f"the Ray cluster at {address}" if address else "Ray on this machine"
    if address:
        _wait_for(address, name)
    told = ray_driver._worker_logs_enabled
    ray_driver._worker_logs_enabled = False  # deaths of workers would be told on the standard output
    try:
        _begin(address, name)
        yield name
    finally:
        ray.shutdown()
        ray_driver._worker_logs_enabled = told


def _begin(address: str, name: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = {"num_cpus": usable_processors(), "include_dashboard": False, "object_store_memory": _OBJECT_BYTES}
    how = {"address": address} if address else {"address": "local", **own}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "lancedb fork support")  # the forks only run Ray's programs
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **how)
    except (RayError, OSError, RuntimeError, ValueError, SystemExit) as error:
        if _REFUSAL in str(error.__cause__):
            raise UnavailableError(
                f"{name} asks for a token: set RAY_AUTH_MODE=token, and have its token in ~/.ray/auth_token or in "
                "RAY_AUTH_TOKEN"
            ) from error
        if address:
            raise _silent(name, error) from error
        raise UnavailableError(
            f"{name} cannot be started ({first_line(error)}); nothing is lost: run the same again when the machine has "
            "less to do, or do the work without it"
        ) from error


def _wait_for(address: str, name: str) -> None:
    """Wait until something listens there: Ray itself would try for minutes and then end the process."""
    host, _, port = address.rpartition(":")
    tries = Retrying(
        retry=retry_if_exception_type(OSError),
        stop=stop_after_delay(TRIED_SECONDS),
        wait=wait_random_exponential(0.05, max=1),
        reraise=True,
    )
    try:
        tries(lambda: socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close())
    except (OSError, OverflowError) as error:
        raise _silent(name, error) from error


def _silent(name: str, error: BaseException) -> UnavailableError:
    return UnavailableError(
        f"{name} does not answer ({first_line(error)}); nothing is lost: start it, or see to its address, and run the "
        "same again, or do the work without it"
    )
