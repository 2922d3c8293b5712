"""Pieces of text that, said a megabyte long, cost a careless pattern of redaction hours."""

HOSTILE = (
    *("a", "\\", "key", "key=", 'key="', "password", "authorization: ", "://", "://a:"),
    *(
        "a-",
        "a=b ",
        "key: ",
        "a: key",
        "password=p ",
        "eyJ",
        "eyJaaaaaaaaa.",
        "AKIA",
        "AGE-SECRET-KEY-1",
    ),
    *("-----BEGIN A-----", "-----BEGIN A-----\\n"),
)
