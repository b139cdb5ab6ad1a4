-- What was seen is a chain of its own: each key has a number, gapless from 1, and the hash after the one before it.
-- Keys from before have none; `seen_before` holds one hash over all of them, made when the log was first opened so.
ALTER TABLE seen ADD COLUMN number INTEGER;
ALTER TABLE seen ADD COLUMN hash BLOB;
CREATE UNIQUE INDEX seen_number ON seen (number) WHERE number IS NOT NULL;

CREATE TABLE seen_before (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    keys INTEGER NOT NULL,
    hash BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
