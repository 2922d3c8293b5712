"""Names of emoji and the codes by which Zulip tells them apart."""

from bot.demo.zulip.model.errors import ApiError

UNICODE = "unicode_emoji"
EXTRA = "zulip_extra_emoji"

#: Code -> every name it goes by, Zulip's first choice first.
NAMES_BY_CODE: dict[str, tuple[str, ...]] = {
    "2705": ("check", "all_good", "approved"),
    "274c": ("cross_mark", "incorrect", "wrong"),
    "1f440": ("eyes", "looking"),
    "1f44d": ("+1", "thumbs_up", "like"),
    "1f44e": ("-1", "thumbs_down"),
    "2714": ("check_mark", "heavy_check_mark"),
    "2611": ("checkbox",),
    "1f389": ("tada",),
    "1f680": ("rocket",),
    "26a0": ("warning", "caution", "danger"),
    "1f6a8": ("siren", "rotating_light", "alert"),
    "1f916": ("robot",),
    "1f6e0": ("working_on_it", "hammer_and_wrench", "tools"),
    "1f527": ("fixing", "wrench"),
    "1f4be": ("floppy_disk",),
    "1f4e6": ("package",),
    "1f512": ("locked", "lock"),
    "1f513": ("unlocked",),
    "1f511": ("key",),
    "1f6ab": ("prohibited", "not_allowed"),
    "1f6d1": ("stop_sign", "octagonal_sign"),
    "2753": ("question",),
    "2754": ("grey_question",),
    "23f3": ("time_ticking", "hourglass"),
    "231b": ("times_up", "time_up"),
    "23f0": ("alarm_clock",),
    "1f4a4": ("zzz",),
    "1f504": ("counterclockwise",),
    "1f501": ("repeat",),
    "2764": ("heart", "love", "love_you"),
    "1f642": ("smile",),
    "1f641": ("frown", "slight_frown"),
    "1f615": ("oh_no", "half_frown", "concerned", "confused"),
    "1f622": ("cry",),
    "1f44b": ("wave", "hello", "hi"),
    "1f44f": ("clap",),
    "1f44c": ("ok",),
    "1f64f": ("pray", "welcome", "thank_you", "namaste"),
    "270b": ("hand", "raised_hand"),
    "1f4ac": ("umm", "speech_balloon"),
    "1f4c8": ("chart", "upwards_trend", "growing", "increasing"),
    "1f4dd": ("memo", "note"),
    "1f4c5": ("calendar",),
    "1f5d1": ("wastebasket",),
    "1f7e2": ("green_circle",),
    "1f7e1": ("yellow_circle",),
    "1f534": ("red_circle", "red"),
    "1f525": ("fire", "lit", "hot", "flame"),
    "1f4a5": ("boom", "bang", "collision", "crash", "blast", "explosion"),
    "1f697": ("car",),
    "1f419": ("octopus",),
}
CODES = {name: code for code, names in NAMES_BY_CODE.items() for name in names}


def lookup(name: str) -> tuple[str, str]:
    """The code and the type behind a name; raises ApiError when Zulip has no such emoji."""
    if name == "zulip":
        return "zulip", EXTRA
    if name not in CODES:
        raise ApiError(f"Emoji '{name}' does not exist")
    return CODES[name], UNICODE


def character(code: str) -> str:
    """The emoji itself, or nothing when the code is not made of code points."""
    try:
        return "".join(chr(int(part, 16)) for part in code.split("-"))
    except ValueError:
        return ""
