-- Recording rule groups that were put at run time.
CREATE TABLE rule_group (
    name TEXT NOT NULL PRIMARY KEY,
    changed_at INTEGER NOT NULL,
    definition TEXT NOT NULL
) STRICT;

-- Up to when each group, of whatever origin, was evaluated.
CREATE TABLE rule_group_slot (
    rule_group TEXT NOT NULL PRIMARY KEY,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
