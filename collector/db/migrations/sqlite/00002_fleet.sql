-- +goose Up
CREATE TABLE agents (
    id              TEXT    NOT NULL PRIMARY KEY,
    instance        TEXT    NOT NULL,
    hostname        TEXT    NOT NULL,
    fingerprint     TEXT    NOT NULL,
    public_key_hash TEXT    NOT NULL,
    os              TEXT    NOT NULL,
    arch            TEXT    NOT NULL,
    version         TEXT    NOT NULL,
    boot_id         TEXT    NOT NULL,
    enrolled_at     INTEGER NOT NULL,
    last_seen_at    INTEGER,
    connected_at    INTEGER,
    disconnected_at INTEGER,
    state           TEXT    NOT NULL CHECK (state IN ('enrolled', 'revoked')),
    revoked_at      INTEGER,
    revoked_reason  TEXT    NOT NULL,
    remote_addr     TEXT    NOT NULL,
    token_id        TEXT    NOT NULL,
    detail          TEXT    CHECK (json_valid(detail))
) STRICT;
CREATE UNIQUE INDEX agents_instance ON agents (instance);
CREATE INDEX agents_fingerprint ON agents (fingerprint);
CREATE INDEX agents_public_key ON agents (public_key_hash);

CREATE TABLE agent_certificates (
    serial          TEXT    NOT NULL PRIMARY KEY,
    agent_id        TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    public_key_hash TEXT    NOT NULL,
    not_before      INTEGER NOT NULL,
    not_after       INTEGER NOT NULL,
    issued_at       INTEGER NOT NULL,
    revoked_at      INTEGER,
    revoked_reason  TEXT    NOT NULL
) STRICT;
CREATE INDEX agent_certificates_agent ON agent_certificates (agent_id);
CREATE INDEX agent_certificates_public_key ON agent_certificates (public_key_hash);

CREATE TABLE enroll_tokens (
    id              TEXT    NOT NULL PRIMARY KEY,
    secret_hash     TEXT    NOT NULL,
    uses_left       INTEGER NOT NULL CHECK (uses_left >= 0),
    uses_max        INTEGER NOT NULL,
    not_before      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    created_by      TEXT    NOT NULL,
    revoked_at      INTEGER,
    allow_reinstall INTEGER NOT NULL CHECK (allow_reinstall IN (0, 1)),
    address         TEXT    NOT NULL
) STRICT;
CREATE INDEX enroll_tokens_expires ON enroll_tokens (expires_at);

CREATE TABLE agent_facts (
    agent_id   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    item_key   TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    attributes TEXT    NOT NULL CHECK (json_valid(attributes)),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (agent_id, kind, item_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE agent_fact_state (
    agent_id   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    full_hash  TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (agent_id, kind)
) STRICT, WITHOUT ROWID;
