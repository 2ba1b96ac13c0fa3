CREATE TABLE baseline (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    valid INTEGER NOT NULL DEFAULT 1,
    invalid_reason TEXT,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE alert_event (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    series TEXT NOT NULL,
    state TEXT NOT NULL,
    severity TEXT NOT NULL,
    value REAL,
    threshold REAL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    message TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX alert_event_started ON alert_event (started_at);
CREATE INDEX alert_event_open ON alert_event (rule) WHERE ended_at IS NULL;

CREATE TABLE annotation (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX annotation_time ON annotation (time);

CREATE TABLE report (
    id INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    format TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
