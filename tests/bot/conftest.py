"""What several tests of bot/ are given."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def world_readable() -> Iterator[Path]:
    """A folder into which every account can look; a test's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="zulip-ops-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
