-- The event log, what was seen, and the looks at personal data.
-- Times are microseconds since 1970 in UTC. Digests and hashes are 32 bytes; chain.rs says over what.

-- `payload` and `salt` may be erased later (both null); `digest` stays, so the chain still verifies.
CREATE TABLE records (
    sequence    INTEGER PRIMARY KEY CHECK (sequence > 0),
    entry       TEXT    NOT NULL,
    happened_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor       TEXT    NOT NULL,
    agreement   TEXT,
    kind        TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    payload     TEXT,
    salt        BLOB,
    digest      BLOB    NOT NULL CHECK (length(digest) = 32),
    cause       TEXT    NOT NULL,
    idx         INTEGER NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    UNIQUE (cause, idx)
) STRICT;

CREATE INDEX records_entry ON records (entry);

-- Against our own mistakes only: whoever holds the file can drop these. The chain is for that.
CREATE TRIGGER records_never_deleted BEFORE DELETE ON records
BEGIN
    SELECT RAISE(ABORT, 'records are never deleted');
END;
CREATE TRIGGER records_never_changed
BEFORE UPDATE OF sequence, entry, happened_at, recorded_at, actor, agreement, kind, version, digest, cause, idx, hash
ON records
BEGIN
    SELECT RAISE(ABORT, 'records are never changed');
END;

CREATE TABLE seen (
    scope   TEXT NOT NULL,
    key     TEXT NOT NULL,
    digest  TEXT NOT NULL,
    outcome TEXT NOT NULL,
    entry   TEXT,
    first   INTEGER,
    answer  TEXT,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- Everything but number, digest and hash may be erased later.
CREATE TABLE looks (
    number  INTEGER PRIMARY KEY CHECK (number > 0),
    at      INTEGER NOT NULL,
    who     TEXT,
    purpose TEXT,
    entry   TEXT,
    citizen TEXT,
    salt    BLOB,
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    hash    BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
