"""What the bot is started with."""

from pathlib import Path

from bot.settings import read_settings
from handlers.host.settings import ContentSettings


def test_what_goes_into_copies_by_choice_is_off_but_for_the_bots_own_state(tmp_path: Path) -> None:
    path = tmp_path / "zulip-ops.toml"
    path.write_text('[state]\ndirectory = "/state"\n', encoding="utf-8")
    path.chmod(0o644)

    assert read_settings(path).contents == ContentSettings(
        own_database=Path("/state/zulip-ops.db"), own_configuration=path
    )
    path.write_text("[backup]\ncertificates = true\nlogs = true\nown_state = false\n")
    assert read_settings(path).contents == ContentSettings(certificates=True, logs=True)
