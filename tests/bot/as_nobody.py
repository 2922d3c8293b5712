"""Runs zulip-ops as the account `nobody`, which has no rights on this host."""

import codecs
import os
import pwd
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

# Imported first: afterwards the files of the interpreter may be out of reach.
import alembic.command  # noqa: E402, F401 (after the path is set)
import boto3  # noqa: E402, F401 (after the path is set)
import psycopg2  # noqa: E402, F401 (after the path is set)

from bot.__main__ import main  # noqa: E402 (after the path is set)

if __name__ == "__main__":
    codecs.lookup("ascii")
    account = pwd.getpwnam("nobody")
    os.setgroups([account.pw_gid])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    main()
