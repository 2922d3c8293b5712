"""Uploads that Zulip keeps in S3: they are not copied, and what guards them there is looked at."""

from handlers.contract import JSON
from handlers.errors import HostFailure
from handlers.host import zulip_settings
from handlers.host.layout import Layout
from handlers.host.object_store import S3Store
from handlers.host.settings import StoreSettings
from handlers.host.zulip_settings import UploadBuckets

#: So many seconds lie between tries; a bucket that does not answer is said, and waited for no more.
PATIENCE = (0.5,)
_COMPUTED = "Uploads: Zulip keeps them in S3, in a bucket that settings.py computes; not copied."


def look(layout: Layout, buckets: UploadBuckets) -> tuple[list[JSON], list[str]]:
    """What is known of each bucket, as facts and as sentences about what is not in the copy."""
    if buckets.files is None:
        return [], [_COMPUTED]
    names = dict.fromkeys(each for each in (buckets.files, buckets.avatars) if each is not None)
    found = [_look_at(layout, buckets, name) for name in names]
    return list[JSON](found), [_sentence(each) for each in found]


def _look_at(layout: Layout, buckets: UploadBuckets, name: str) -> dict[str, JSON]:
    settings = StoreSettings(
        name="uploads", bucket=name, endpoint=buckets.endpoint, region=buckets.region
    )
    key, secret = (zulip_settings.secret(layout, each) for each in ("s3_key", "s3_secret_key"))
    credentials = None if key is None or secret is None else (key, secret)
    store = S3Store(settings, credentials, patience=PATIENCE)
    known: dict[str, JSON] = {"bucket": name, "versioning": None, "inventories": None}
    try:
        known["versioning"] = store.versioning()
        known["inventories"] = store.inventories()
    except HostFailure as failure:
        known["problem"] = failure.message.removeprefix("Store uploads: ")
    return known


def _sentence(known: dict[str, JSON]) -> str:
    told = [f"Uploads in the S3 bucket {known['bucket']}, where Zulip keeps them: not copied."]
    match known["versioning"]:
        case None:
            told.append("Whether old versions are kept there is not known.")
        case "Enabled":
            told.append("Old versions are kept there.")
        case _:
            told.append("Old versions are NOT kept there: what is deleted or replaced is gone.")
    if isinstance(known["inventories"], int):
        told.append(f"Inventories that S3 makes of it: {known['inventories'] or 'none'}.")
    if "problem" in known:
        told.append(str(known["problem"]))
    return " ".join(told)
