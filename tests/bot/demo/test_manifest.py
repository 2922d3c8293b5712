"""The commit record of a backup, as the tour shows it."""

import json
from pathlib import Path

import pytest

from bot.demo.manifest import manifest_path, shown

RECORD = {
    "id": "20261123T155039Z-d3715241",
    "left_out": [],
    "migrations": [f"zerver.{number:04d}" for number in range(9)],
    "objects": [{"key": f"objects/{number}", "sha256": "0" * 64} for number in range(2)],
    "sealing": None,
}


def test_long_lists_are_cut_and_the_rest_is_as_it_lies_there(tmp_path: Path) -> None:
    path = manifest_path(tmp_path, "20261123T155039Z-d3715241")
    path.parent.mkdir()
    path.write_text(json.dumps(RECORD))
    text = shown(path, 80)
    assert path.name == "20261123T155039Z-d3715241.json"
    assert json.loads(text) == RECORD | {
        "migrations": ["zerver.0000", "zerver.0001", "zerver.0002", "… and 6 more"]
    }
    assert '  "left_out": [],' in text.splitlines()


def test_a_record_that_is_missing_is_not_invented(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        shown(manifest_path(tmp_path, "20261123T155039Z-d3715241"), 80)
