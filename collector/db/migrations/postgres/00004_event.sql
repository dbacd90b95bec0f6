-- +goose Up
CREATE TABLE check_results (
    id          TEXT    NOT NULL PRIMARY KEY,
    agent_id    TEXT    NOT NULL,
    check_name  TEXT    NOT NULL,
    resource    TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    output      TEXT    NOT NULL,
    labels      JSON    NOT NULL,
    time        BIGINT  NOT NULL,
    duration_us BIGINT  NOT NULL,
    received_at BIGINT  NOT NULL
);
CREATE INDEX check_results_subject ON check_results (agent_id, check_name, resource, time);

CREATE TABLE agent_events (
    id          TEXT    NOT NULL PRIMARY KEY,
    agent_id    TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    severity    TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    attributes  JSON    NOT NULL,
    time        BIGINT  NOT NULL,
    received_at BIGINT  NOT NULL
);
CREATE INDEX agent_events_agent ON agent_events (agent_id, time);
