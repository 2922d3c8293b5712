"""A prompt at which one can type while messages come in."""

import importlib
import sys
import threading
from contextlib import suppress
from types import ModuleType

_CLEAR_LINE = "\r\x1b[K"


class Prompt:
    """Reads lines from the terminal; `say` may be called from any thread meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: What stands before the cursor; empty while nobody is asked.
        self._asked = ""
        self._readline: ModuleType | None = None
        # Not every Python was built with it.
        with suppress(ImportError):
            self._readline = importlib.import_module("readline")

    def ask(self, words: str) -> str | None:
        """One line; None at the end of the input (Ctrl-D)."""
        self._asked = words
        try:
            return input(words)
        except EOFError:
            self.say("")
            return None
        finally:
            self._asked = ""

    def _typed(self) -> str:
        return "" if self._readline is None else str(self._readline.get_line_buffer())

    def say(self, text: str) -> None:
        """Print above the line that is being typed."""
        with self._lock:
            typed = self._typed() if self._asked else ""
            clear = _CLEAR_LINE if self._asked else ""
            sys.stdout.write(f"{clear}{text}\n{self._asked}{typed}")
            with suppress(BlockingIOError):
                sys.stdout.flush()
