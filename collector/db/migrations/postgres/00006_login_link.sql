-- +goose Up
-- A used link is deleted, so there is no mark of its use.
CREATE TABLE login_links (
    id          TEXT    NOT NULL PRIMARY KEY,
    secret_hash TEXT    NOT NULL,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL
);
CREATE UNIQUE INDEX login_links_secret_hash ON login_links (secret_hash);
CREATE INDEX login_links_user ON login_links (user_id);
CREATE INDEX login_links_expires ON login_links (expires_at);
