"""The configuration file is read strictly, and says what is wrong with it."""

import re
import tomllib
from dataclasses import MISSING, fields, is_dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from handlers.host.age import Identity
from handlers.host.settings import KeepSettings, RetentionSettings, StoreSettings
from jobs.configuration import Configuration, ScheduleSettings
from jobs.configuration_file import ConfigurationError, parse_configuration, read_configuration

EXAMPLE = Path(__file__).parents[2] / "zulip-ops.toml.example"
#: Always the same, since it stands in the names of tests; nobody has its secret part.
KEY = "age1yrw8mu8l2cgpwqqpq8h5804njzf9s7e5k4suv0mf36dkrnxf9e7qh6qsvh"
HERE = Path("/etc/zulip-ops/zulip-ops.toml")


def uncommented(text: str) -> str:
    """The example with every key that is commented out switched on."""
    return re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)


def test_example_holds_exactly_the_defaults() -> None:
    assert read_configuration(EXAMPLE) == Configuration()


def test_example_names_every_key() -> None:
    text = EXAMPLE.read_text()
    written = tomllib.loads(uncommented(text))

    def missing(model: object, table: object, path: str) -> list[str]:
        assert is_dataclass(model)
        assert isinstance(table, dict)
        found: list[str] = []
        for field in fields(model):
            if field.name not in table:
                found.append(f"{path}{field.name}")
            default = field.default if field.default is not MISSING else None
            if is_dataclass(default) and field.name in table:
                found += missing(default, table[field.name], f"{path}{field.name}.")
        return found

    assert missing(Configuration, written, "") == []
    rules = written["backup"]["retention"]
    assert set(rules) == {field.name for field in fields(RetentionSettings)}
    assert set(rules["keep"]) == {field.name for field in fields(KeepSettings)}
    stores = {key for store in written["stores"] for key in store}
    assert stores == {field.name for field in fields(StoreSettings)}
    assert set(written["schedules"][0]) == {field.name for field in fields(ScheduleSettings)}


def test_every_key_of_the_example_has_a_comment_before_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    tables: set[str] = set()
    for before, line in pairwise(lines):
        key = re.match(r"(# )?(\w+) = ", line)
        if key is None or key[2] in tables or key[2] in {"viewer", "operator"}:
            continue
        assert before.startswith("# "), line
        tables.add(key[2])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[zulip]\nchanel = "ops"', "`zulip.chanel` is not known. Did you mean `channel`?"),
        ("[zulp]", "`zulp` is not known. Did you mean `zulip`?"),
        ('[host.database]\nport = "5432"', "`host.database.port`: input should be a valid integer"),
        ('[policy.roles]\noperator = ["8"]', "`policy.roles.operator.0`"),
        ('[policy.read]\nask = ["viewer"]', "names the role `viewer`"),
        ("[policy.read]\nask = [", "is not valid TOML"),
        ("[host.drills]\nevery_days = -1", "`host.drills.every_days` must be at least 0"),
        ('[policy.disruptive]\napprove = ["boss"]', "`policy.disruptive.approve` names the role"),
        ("[policy.disruptive]\nyes = true", "`policy.disruptive.yes` cannot be true"),
        ("[policy.destructive]\nyes = true", "`policy.destructive.yes` cannot be true"),
        ('[policy.routine]\nwindow = "Sat 2-5"', "`policy.routine.window`: `Sat 2-5` is not like"),
        ('[policy.read]\nwindow = ["02:00-03:00 X"]', "`policy.read.window`: `X` is no time zone"),
        ('[zulip]\ntz = "Mars"', "`zulip.tz` is not a time zone: Mars."),
        ("[policy.routine]\npeople = 0", "`policy.routine.people` must be between 1 and 10"),
        ("[policy.routine]\nexpires_minutes = 1441", "must be between 1 and 1440"),
        ("[policy.destructive]\narming_seconds = -1", "must be between 0 and 3600"),
        ('[backup.keys]\nrecovery = ["age1x"]', "`backup.keys.recovery` is no public key of age"),
        ('[backup.keys]\nrecovery = "age1x"', "`backup.keys.recovery`: input should be"),
        (f'[backup.keys]\nrecovery = ["{KEY}", "{KEY}"]', "names the same key twice"),
        (f'[backup.keys]\ndrill = "{KEY}"', "`backup.keys.drill` needs `recovery` beside it"),
        (
            f'[backup.keys]\nrecovery = ["{KEY}"]\ndrill_identity_file = "/k"',
            "`backup.keys.drill_identity_file` needs `drill`",
        ),
        ("[backup.keys]\nrecover = []", "Did you mean `recovery`?"),
        ("[backup]\ncertificate = true", "Did you mean `certificates`?"),
        ('[backup]\nlogs = "yes"', "`backup.logs`: input should be a valid boolean"),
        ("[backup.retention]\nproven = 2", "`backup.retention.keep`: field required"),
        ("[backup.retention]\nkeep = {}", "`backup.retention.keep` keeps nothing"),
        ("[backup.retention]\nkeep = 7", "`backup.retention.keep`: input should be"),
        (
            "[backup.retention]\nkeep = { dayly = 7 }",
            "`backup.retention.keep.dayly` is not known. Did you mean `daily`?",
        ),
        (
            "[backup.retention]\nkeep = { daily = -1 }",
            "`backup.retention.keep.daily` must be between 0 and 1000",
        ),
        (
            "[backup.retention]\nkeep = { daily = 7 }\nproven = -1",
            "`backup.retention.proven` must be between 0 and 100",
        ),
        (
            "[backup.retention]\nkeep = { daily = 7 }\ngrace_hours = 1",
            "`backup.retention.grace_hours` must be between 24 and 8760",
        ),
        (
            "[backup.retention]\nkeep = { daily = 7 }\nfresh_hours = 0",
            "`backup.retention.fresh_hours` must be between 1 and 8760",
        ),
        (
            "[backup.retention]\nkeep = { daily = 7 }\nprooven = 1",
            "`backup.retention.prooven` is not known. Did you mean `proven`?",
        ),
        ('[[stores]]\nname = "a"', "needs either `path` or `bucket`"),
        ('[[stores]]\nname = "a"\npath = "/a"\nbuckett = "b"', "Did you mean `bucket`?"),
        ('[[stores]]\nname="a"\npath="/a"\n[[stores]]\nname="a"\npath="/b"', "two stores"),
        ('[[schedules]]\nname="a"\ncommand="status"\ncron="61 * * * *"', "`cron` cannot be read"),
        ('[[schedules]]\nname="a"\ncommand="status"\ncron="1 2 30 2 *"', "`cron` cannot be read"),
        ('[[schedules]]\nname="a"\ncommand="status"\ncron="0 1 2 * * *"', "needs five fields"),
        ('[[schedules]]\nname="a"\ncommand="status"\ncron="1 * * * *"\ntz="Berlin"', "time zone"),
        ('[[schedules]]\nname="a"\ncommand="status"\ncron="1 * * * *"\ntz="../x"', "time zone"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        parse_configuration(text, HERE)
    assert str(HERE) in failure.value.message
    assert sentence in failure.value.message


def test_an_empty_account_means_to_connect_as_we_are() -> None:
    configuration = parse_configuration('[host.database]\nsystem_user = ""', HERE)
    assert configuration.host.database.system_user is None


def test_values_of_a_wrong_type_are_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as failure:
        parse_configuration("[zulip]\nzuliprc = 12345678", HERE)
    assert "12345678" not in failure.value.message


@pytest.mark.parametrize("wrap", ["{}", " {}", "{} # mine"])
def test_a_secret_key_in_the_place_of_a_public_one_is_not_repeated(wrap: str) -> None:
    secret = wrap.format(Identity.generate().text)
    with pytest.raises(ConfigurationError) as failure:
        parse_configuration(f'[backup.keys]\nrecovery = ["{secret}"]', HERE)
    assert "is a secret key, which must never lie on this host" in failure.value.message
    assert "AGE-SECRET-KEY" not in f"{failure.value.message} {failure.value.hint}"


def test_public_keys_are_taken_as_they_are() -> None:
    drill = Identity.generate().recipient
    text = f'[backup.keys]\nrecovery = ["{KEY}"]\ndrill = "{drill}"\ndrill_identity_file = "/k"'
    keys = parse_configuration(text, HERE).backup.keys
    assert (keys.recovery, keys.drill) == ((KEY,), drill)
    assert keys.drill_identity_file == Path("/k")


def test_a_missing_file_is_one_sentence_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no configuration at") as failure:
        read_configuration(tmp_path / "none.toml")
    assert failure.value.hint is not None
