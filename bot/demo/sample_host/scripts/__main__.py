"""Runs one imitated script: `ROOT TREE SCRIPT [ARGUMENT ...]`."""

import sys
from pathlib import Path

from bot.demo.sample_host.scripts import database, forgetting, serving, upgrading
from bot.demo.sample_host.scripts.installation import Installation

_SCRIPTS = {
    "upgrade-zulip": upgrading.upgrade_zulip,
    "restart-server": serving.restart_server,
    "start-server": serving.start_server,
    "stop-server": serving.stop_server,
    "check-database-compatibility": database.check_compatibility,
    "flush-memcached": forgetting.flush_memcached,
    "manage.py": forgetting.manage,
}


def main(arguments: list[str]) -> int:
    root, tree, script, *rest = arguments
    return _SCRIPTS[script](Installation(Path(root), Path(tree).resolve()), rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
