-- +goose Up
-- How far an agent's facts of a kind have become items. No foreign key: what is left of a deleted agent is to be cleared away.
CREATE TABLE fact_feeds (
    agent_id   TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (agent_id, kind)
);
