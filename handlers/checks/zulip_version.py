"""Is Zulip answering, and is it the version that is deployed?"""

import time
from datetime import timedelta

from handlers.checks.contract import Check, Context, Finding, Level
from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host import zulip_web
from handlers.host.deployments import current_deployment

_HINT = "Read /var/log/zulip/errors.log and run `supervisorctl status` on the host."


def observe(context: Context) -> Finding:
    started = time.monotonic()
    values, unread = _deployed(context)
    try:
        health = zulip_web.ask_health(context.host, context.patience)
    except HostFailure as failure:
        values["health"] = failure.message
        return Finding(Level.CRITICAL, failure.message, values, failure.hint)
    values |= {"health": health.message, "health_seconds": round(health.seconds, 3)}
    left = context.patience - timedelta(seconds=time.monotonic() - started)
    try:
        running = zulip_web.ask_version(context.host, max(left, timedelta(seconds=0.2)))
    except HostFailure as failure:
        unread = failure.message
    else:
        values |= {"running": running.version, "feature_level": running.feature_level}
        if values["deployed"] is not None:
            values["differs"] = running.version != values["deployed"]
    if not health.ready:
        return Finding(
            Level.CRITICAL, f"It says that it is not ready: {health.message}.", values, _HINT
        )
    return _judge(values, unread)


def _deployed(context: Context) -> tuple[dict[str, JSON], str | None]:
    """The values as far as the deployment tells them, and why it does not tell more."""
    values: dict[str, JSON] = dict.fromkeys(
        ("deployed", "deployed_path", "running", "differs", "feature_level", "health_seconds")
    )
    try:
        deployment = current_deployment(context.layout)
    except HostFailure as failure:
        return values, failure.message
    path = context.layout.shown(deployment.path)
    return values | {"deployed": deployment.version, "deployed_path": path}, None


def _judge(values: dict[str, JSON], unread: str | None) -> Finding:
    if unread is not None:
        known = values["running"] or values["deployed"]
        answers = f"{known} answers" if known else "It answers"
        return Finding(
            Level.UNKNOWN, f"{answers}, but its versions are not known: {unread}", values
        )
    if values["differs"]:
        return Finding(
            Level.WARNING,
            f"{values['running']} is running, but {values['deployed']} is deployed.",
            values,
            "Run /home/zulip/deployments/current/scripts/restart-server on the host as zulip.",
        )
    running = f"{values['running']} is running, as deployed, and says it is healthy."
    return Finding(Level.OK, running, values)


CHECK = Check("zulip_version", "Zulip answers, with the version that is deployed", observe)
