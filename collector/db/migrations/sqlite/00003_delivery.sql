-- +goose Up
-- above holds the acknowledged ranges beyond the watermark: [[first, last], …].
CREATE TABLE delivery_state (
    agent_id   TEXT    NOT NULL,
    epoch      TEXT    NOT NULL,
    class      INTEGER NOT NULL,
    watermark  INTEGER NOT NULL,
    above      TEXT    NOT NULL CHECK (json_valid(above)),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (agent_id, epoch, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_drops (
    id        TEXT    NOT NULL PRIMARY KEY,
    agent_id  TEXT    NOT NULL,
    epoch     TEXT    NOT NULL,
    class     INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    records   INTEGER NOT NULL,
    bytes     INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    time      INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_drops_agent ON delivery_drops (agent_id, time);
