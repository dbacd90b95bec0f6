-- +goose Up
CREATE TABLE metric_metadata (
    name       TEXT    NOT NULL PRIMARY KEY,
    kind       TEXT    NOT NULL,
    help       TEXT    NOT NULL,
    unit       TEXT    NOT NULL,
    updated_at BIGINT  NOT NULL
);
