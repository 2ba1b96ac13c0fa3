CREATE TABLE experiment (
    name TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('draft', 'running', 'stopped')),
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    definition TEXT NOT NULL
) STRICT;

CREATE TABLE experiment_transition (
    id INTEGER PRIMARY KEY,
    experiment TEXT NOT NULL REFERENCES experiment (name) ON DELETE CASCADE,
    time INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('draft', 'running', 'stopped')),
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX experiment_transition_of ON experiment_transition (experiment, id);
