"""Makes the fingerprint that consent is given to: what is done, where and on whose word."""

import hashlib
import json
from dataclasses import asdict

from handlers.contract import JSON, Plan
from jobs.journal import RunSpec

SHORT = 12


def fingerprint(spec: RunSpec, plan: Plan) -> str:
    """SHA-256 in hexadecimal of the canonical JSON of the whole binding."""
    canonical = json.dumps(
        binding(spec, plan), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def binding(spec: RunSpec, plan: Plan) -> dict[str, JSON]:
    """What the plan binds, and to which request; the request's words cannot be overridden."""
    return {
        **plan.binding,
        "operation": spec.operation,
        "arguments": dict(spec.arguments),
        "effect": spec.effect,
        "epoch": spec.epoch,
        "host_id": spec.host_id,
        "asker": asdict(spec.asker),
        "command": None if spec.command is None else asdict(spec.command),
        "nonce": spec.nonce,
        "expires_at": None if spec.expires_at is None else spec.expires_at.isoformat(),
    }
