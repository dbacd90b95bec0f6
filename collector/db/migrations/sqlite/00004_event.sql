-- +goose Up
CREATE TABLE check_results (
    id          TEXT    NOT NULL PRIMARY KEY,
    agent_id    TEXT    NOT NULL,
    check_name  TEXT    NOT NULL,
    resource    TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    output      TEXT    NOT NULL,
    labels      TEXT    NOT NULL CHECK (json_valid(labels)),
    time        INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX check_results_subject ON check_results (agent_id, check_name, resource, time);

CREATE TABLE agent_events (
    id          TEXT    NOT NULL PRIMARY KEY,
    agent_id    TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    severity    TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    attributes  TEXT    NOT NULL CHECK (json_valid(attributes)),
    time        INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_events_agent ON agent_events (agent_id, time);
