CREATE TABLE benchmark (
    name TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE benchmark_service (
    benchmark TEXT NOT NULL REFERENCES benchmark (name) ON DELETE CASCADE,
    service TEXT NOT NULL,
    PRIMARY KEY (benchmark, service)
) STRICT, WITHOUT ROWID;
CREATE INDEX benchmark_service_service ON benchmark_service (service);

CREATE TABLE benchmark_comparison (
    id INTEGER PRIMARY KEY,
    benchmark TEXT NOT NULL REFERENCES benchmark (name) ON DELETE CASCADE,
    compared_at INTEGER NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    answer TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX benchmark_comparison_of ON benchmark_comparison (benchmark, compared_at);
CREATE INDEX benchmark_comparison_time ON benchmark_comparison (compared_at);
