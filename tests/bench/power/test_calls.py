"""A trace is read as the calls that were made, whatever threads they overlap with."""

from pathlib import Path

from bench.power.calls import Call, Descriptor, read_calls

ROOT = Path("/a")
A = r"\x2f\x61"


def calls(*lines: str) -> list[Call]:
    return list(read_calls(lines, ROOT))


def test_a_write_with_an_offset_is_read() -> None:
    (call,) = calls(rf'7 pwrite64(5<{A}\x2f\x64>, "\x00\x22\x29", 3, 4096) = 3')
    assert call == Call(
        *(0, 0, 7, "pwrite64"), (Descriptor(5, Path("/a/d")), b'\x00")', "3", "4096"), 3
    )


def test_a_call_that_others_interrupt_ends_where_it_is_resumed() -> None:
    found = calls(
        rf"7 fdatasync(5<{A}\x2f\x64> <unfinished ...>",
        rf'8 mkdir("{A}\x2f\x65", 0750) = 0',
        "7 <... fdatasync resumed>)          = 0",
    )
    assert [(call.name, call.began, call.ended) for call in found] == [
        ("mkdir", 1, 1),
        ("fdatasync", 0, 2),
    ]


def test_a_call_that_failed_or_lies_elsewhere_counts_for_nothing() -> None:
    assert not calls(
        rf'7 unlink("{A}\x2f\x64") = -1 ENOENT (No such file or directory)',
        r'7 write(1<\x2f\x62>, "\x61", 1) = 1',
        rf'7 write(1<{A}>, "\x61", 1) = ?',
    )


def test_a_call_that_a_kill_cut_off_does_not_go_on_in_a_later_process() -> None:
    found = calls(
        rf"7 fsync(5<{A}\x2f\x64> <unfinished ...>",
        "7 +++ killed by SIGKILL +++",
        r'7 write(1<\x2f\x62>, "\x61", 1 <unfinished ...>',
        "7 <... write resumed>)  = 1",
        "7 +++ exited with 3 +++",
    )
    assert [(call.name, call.result) for call in found] == [("exit", 3)]


def test_a_path_is_relative_to_the_directory_before_it() -> None:
    (call,) = calls(
        rf'7 openat(AT_FDCWD<{A}>, "\x62", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5<{A}\x2f\x62>'
    )
    assert (call.path(1), call.word(2), call.result) == (
        Path("/a/b"),
        "O_RDWR|O_CREAT|O_CLOEXEC",
        5,
    )
