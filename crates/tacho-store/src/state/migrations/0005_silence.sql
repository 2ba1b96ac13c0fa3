CREATE TABLE silence (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    matchers TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    author TEXT NOT NULL,
    comment TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Set when somebody ended it before its time.
    ended_at INTEGER,
    ended_by TEXT
) STRICT;
CREATE INDEX silence_end ON silence (min(ends_at, ifnull(ended_at, ends_at)));
