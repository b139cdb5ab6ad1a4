-- Where to look for what is over. Made of the records alone, and no part of the chain: what is found here is read from
-- the records, and told only if they say so. Holds ids and codes that the records hold; whoever erases those erases here.

-- A row for each agreement that the entry is, or may be, of; '' where it is everybody's.
CREATE TABLE closed (
    entry     BLOB    NOT NULL CHECK (length(entry) = 16),
    agreement TEXT    NOT NULL,
    closed_at INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    board     TEXT    NOT NULL,
    outcome   TEXT    NOT NULL,
    PRIMARY KEY (entry, agreement)
) STRICT, WITHOUT ROWID;

CREATE INDEX closed_by_time    ON closed (agreement, closed_at, entry);
CREATE INDEX closed_by_board   ON closed (agreement, board, closed_at, entry);
CREATE INDEX closed_by_outcome ON closed (agreement, outcome, closed_at, entry);
CREATE INDEX closed_by_number  ON closed (agreement, number, closed_at, entry);

-- What an entry that was over was ever known as: the citizen's id, and the outside's.
CREATE TABLE closed_known (
    id    TEXT NOT NULL,
    entry BLOB NOT NULL CHECK (length(entry) = 16),
    PRIMARY KEY (id, entry)
) STRICT, WITHOUT ROWID;

-- Records from before this: how far they have been read for it, and how far that must go.
CREATE TABLE closed_filled (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    through INTEGER NOT NULL,
    until   INTEGER NOT NULL
) STRICT;
INSERT INTO closed_filled (id, through, until) SELECT 1, 0, coalesce(max(sequence), 0) FROM records;
