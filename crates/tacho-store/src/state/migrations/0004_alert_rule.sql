-- A rule is its newest revision, unless that one deleted it.
CREATE TABLE alert_rule (
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    time INTEGER NOT NULL,
    author TEXT NOT NULL,
    change TEXT NOT NULL CHECK (change IN ('created', 'redefined', 'enabled', 'disabled', 'deleted')),
    enabled INTEGER NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (name, revision)
) STRICT;
