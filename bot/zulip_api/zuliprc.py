"""Looks at zuliprc before it is used, so that what is wrong with it is said in one sentence."""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

#: Zulip's own names: the variable that may stand in for a key of the section [api].
VARIABLES = {"key": "ZULIP_API_KEY", "email": "ZULIP_EMAIL", "site": "ZULIP_SITE"}
#: Read when nothing else is named.
DEFAULT_FILE = Path("~/.zuliprc")
WHERE_TO_GET = "download it from the bot's settings in Zulip"


class ZuliprcError(Exception):
    """The account cannot be read; the message is one sentence with file and key."""


def zuliprc_path(named: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The file that counts: the named one, then `ZULIP_CONFIG`, then `~/.zuliprc`."""
    return (named or Path(environment.get("ZULIP_CONFIG", DEFAULT_FILE))).expanduser()


def check_zuliprc(
    named: Path | None, given: Mapping[str, str | None], environment: Mapping[str, str] = os.environ
) -> None:
    """Raise ZuliprcError unless arguments, variables or file tell key, email and site."""
    missing = {
        key
        for key, variable in VARIABLES.items()
        if given.get(key) is None and variable not in environment
    }
    path = zuliprc_path(named, environment)
    if missing or path.is_file():
        _check_file(path, missing)
    site = given.get("site") or environment.get("ZULIP_SITE")
    if site is not None:
        _check_site(site, "ZULIP_SITE" if given.get("site") is None else "the address of Zulip")


def _check_file(path: Path, needed: set[str]) -> None:
    parser = _parsed(path)
    if not parser.has_section("api"):
        raise ZuliprcError(f"{path} has no section [api]; {WHERE_TO_GET}.")
    for key in sorted(needed):
        if not _value(parser, key, path):
            raise ZuliprcError(f"{path} has no `{key}` in its section [api]; {WHERE_TO_GET}.")
    if "site" in needed:
        _check_site(_value(parser, "site", path), f"`site` in {path}")
    for key in ("cert_bundle", "client_cert", "client_cert_key"):
        file = _value(parser, key, path)
        if file and not Path(file).is_file():
            raise ZuliprcError(f"{path} names {file} as `{key}`, and there is no such file.")
    if _value(parser, "insecure", path).lower() not in ("", "true", "false"):
        raise ZuliprcError(f"`insecure` in {path} must be true or false.")


def _parsed(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file, str(path))
    except FileNotFoundError:
        raise ZuliprcError(f"There is no {path}; {WHERE_TO_GET}.") from None
    except OSError as error:
        raise ZuliprcError(f"{path} cannot be read: {error.strerror}.") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ZuliprcError(
            f"{path} is no zuliprc (`[api]` and `key=` lines); {WHERE_TO_GET}."
        ) from (error)
    return parser


def _value(parser: configparser.ConfigParser, key: str, path: Path) -> str:
    try:
        return parser.get("api", key, fallback="").strip()
    except configparser.InterpolationError as error:
        # Zulip's client reads the file with interpolation, in which % has a meaning.
        raise ZuliprcError(f"`{key}` in {path} has a lone %; write it twice.") from error


def _check_site(site: str, name: str) -> None:
    try:
        parts = urlsplit(site if "://" in site else f"https://{site}")
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(letter.isspace() for letter in site):
        raise ZuliprcError(
            f"{name} is no address: {site!r}; it looks like https://zulip.example.com."
        )
