"""Lets large buffers be given back to the system as soon as they are let go."""

import ctypes

#: mallopt(3): from this size on, a block is mapped on its own.
_M_MMAP_THRESHOLD = -3
LARGE_BYTES = 4 * 1024 * 1024
#: And this much may stay free at the end of a heap, for the next block of ordinary size.
_M_TRIM_THRESHOLD = -1
KEPT_BYTES = 64 * 1024 * 1024


def give_back_large_buffers() -> None:
    """Fix the threshold that glibc otherwise raises with every large block that is freed.

    Raised, it puts buffers of many megabytes into the heaps of single threads, where growing
    them copies them and freeing them returns nothing. Elsewhere than on glibc this does nothing.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
