"""RAM that is freed is given back, and what stays is left alone."""

import ctypes
import gc

import psutil
import pytest

from memorag_graph.ram import freeze_loaded, give_back_freed

BLOCK, BLOCKS = 1024, 100_000
C = ctypes.CDLL(None)


@pytest.mark.skipif(not hasattr(C, "malloc_trim"), reason="only glibc keeps what is freed")
def test_what_is_freed_between_what_is_in_use_is_given_back() -> None:
    C.malloc.restype, C.free.argtypes, C.memset.argtypes = (
        ctypes.c_void_p,
        [ctypes.c_void_p],
        [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t],
    )
    blocks = [C.malloc(BLOCK) for _ in range(BLOCKS)]
    last = C.malloc(BLOCK)
    for block in blocks:
        C.memset(block, 1, BLOCK)
    for block in blocks:
        C.free(block)
    before = psutil.Process().memory_info().rss
    give_back_freed()
    assert psutil.Process().memory_info().rss < before - BLOCK * BLOCKS // 2
    C.free(last)


def test_what_is_loaded_is_left_alone_by_the_garbage_collector() -> None:
    loaded: list[object] = [[]]
    assert any(it is loaded for it in gc.get_objects())
    try:
        freeze_loaded()
        assert not any(it is loaded for it in gc.get_objects())
    finally:
        gc.unfreeze()
