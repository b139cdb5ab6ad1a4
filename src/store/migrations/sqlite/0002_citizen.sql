-- The records that name a citizen (by the care system's opaque id), so that a history costs what is in it.
CREATE INDEX records_citizen ON records (json_extract(payload, '$.citizen'))
WHERE json_extract(payload, '$.citizen') IS NOT NULL;
