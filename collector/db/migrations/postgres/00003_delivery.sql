-- +goose Up
-- above holds the acknowledged ranges beyond the watermark: [[first, last], …].
CREATE TABLE delivery_state (
    agent_id   TEXT    NOT NULL,
    epoch      TEXT    NOT NULL,
    class      BIGINT  NOT NULL,
    watermark  BIGINT  NOT NULL,
    above      JSON    NOT NULL,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (agent_id, epoch, class)
);

CREATE TABLE delivery_drops (
    id        TEXT    NOT NULL PRIMARY KEY,
    agent_id  TEXT    NOT NULL,
    epoch     TEXT    NOT NULL,
    class     BIGINT  NOT NULL,
    first_seq BIGINT  NOT NULL,
    last_seq  BIGINT  NOT NULL,
    records   BIGINT  NOT NULL,
    bytes     BIGINT  NOT NULL,
    reason    TEXT    NOT NULL,
    time      BIGINT  NOT NULL
);
CREATE INDEX delivery_drops_agent ON delivery_drops (agent_id, time);
