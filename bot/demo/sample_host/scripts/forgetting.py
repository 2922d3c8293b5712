"""Imitates the tools that empty what Zulip holds beside its database: queues and memcached."""

import sys
from datetime import UTC, datetime

from bot.demo.sample_host.programs import QUEUES
from bot.demo.sample_host.scripts.installation import Installation


def manage(installation: Installation, arguments: list[str]) -> int:
    """Of all management commands only `purge_queue --all`; each is noted in manage.log."""
    typed = " ".join(arguments)
    with (installation.layout.logs / "manage.log").open("a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}: Ran ./manage.py {typed}\n")
    if arguments != ["purge_queue", "--all"]:
        sys.stderr.write(f"The sample host does not imitate manage.py {typed}.\n")
        return 1
    if installation.manners.fail_at == "Purging queue":
        sys.stderr.write("pika.exceptions.AMQPConnectionError\n")
        return 1
    for queue in QUEUES:
        installation.say(f"Purging queue {queue}")
    installation.say("Done")
    return 0


def flush_memcached(installation: Installation, _arguments: list[str]) -> int:
    """Says nothing."""
    mark = installation.root / "var/run/sample-memcached-flushed"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(f"{datetime.now(UTC).isoformat()}\n", encoding="ascii")
    return 0
