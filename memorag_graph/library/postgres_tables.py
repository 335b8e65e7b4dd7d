"""The tables of catalogues in Postgres, made on first use; each version of them is a step from the one before."""

from memorag_graph.errors import LibraryError
from memorag_graph.library.postgres_server import Connection

_STEPS = (
    """
CREATE TABLE memorag_tables (version integer NOT NULL);
INSERT INTO memorag_tables VALUES (0);
CREATE TABLE memorag_library (
    id text PRIMARY KEY, changes bigint NOT NULL DEFAULT 0, last_entry bigint NOT NULL DEFAULT 0
);
CREATE TABLE memorag_setting (
    library text REFERENCES memorag_library ON DELETE CASCADE, key text, value text NOT NULL,
    PRIMARY KEY (library, key)
);
CREATE TABLE memorag_document (
    library text REFERENCES memorag_library ON DELETE CASCADE, id bigint,
    name text NOT NULL, version bigint NOT NULL, origin text NOT NULL, content_sha256 text NOT NULL,
    text_sha256 text NOT NULL, added text NOT NULL, replaced text NOT NULL, language text NOT NULL, title text NOT NULL,
    characters bigint NOT NULL, tokens bigint NOT NULL, chunks bigint NOT NULL, pages bigint NOT NULL,
    metadata text NOT NULL, notices text NOT NULL, page_map text NOT NULL, notes text NOT NULL,
    PRIMARY KEY (library, id)
);
CREATE INDEX memorag_current ON memorag_document (library, left(name, 256)) WHERE replaced = '';
""",
    """
CREATE TABLE memorag_job (
    library text REFERENCES memorag_library ON DELETE CASCADE, text_sha256 text,
    number bigint GENERATED ALWAYS AS IDENTITY, holder text NOT NULL DEFAULT '',
    held_until timestamptz NOT NULL DEFAULT '-infinity', tries integer NOT NULL DEFAULT 0,
    fault text NOT NULL DEFAULT '',
    PRIMARY KEY (library, text_sha256)
);
CREATE INDEX memorag_next_job ON memorag_job (library, number) WHERE fault = '';
""",
)
"""Step N brings the tables to version N + 1."""

_LOCK = 0x6D656D6F
"""Number of the lock that keeps two processes from making the tables at once."""


def bring_up_to_date(db: Connection, place: str, *, create: bool) -> bool:
    """Bring the tables to the version of this package; return whether there are any.

    Args:
        db: A connection in a transaction.
        place: Names the database.
        create: Whether to make them if there are none.

    Raises:
        LibraryError: If they were made by a newer version.
    """
    version = _version(db)
    if version > len(_STEPS):
        raise LibraryError(f"{place} was set up by a newer version of memorag-graph; update this one to use it")
    if version == len(_STEPS) or not (version or create):
        return version > 0
    db.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    for step in _STEPS[_version(db) :]:  # others may have made some while it waited
        db.execute(step)
        db.execute("UPDATE memorag_tables SET version = version + 1")
    return True


def _version(db: Connection) -> int:
    named = "SELECT 1 FROM pg_tables WHERE tablename = 'memorag_tables' AND schemaname = ANY(current_schemas(false))"
    if db.execute(named).fetchone() is None:
        return 0
    found = db.execute("SELECT version FROM memorag_tables").fetchone()
    return int(str(found[0])) if found else 0
