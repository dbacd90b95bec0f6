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
    enrolled_at     BIGINT  NOT NULL,
    last_seen_at    BIGINT,
    connected_at    BIGINT,
    disconnected_at BIGINT,
    state           TEXT    NOT NULL CHECK (state IN ('enrolled', 'revoked')),
    revoked_at      BIGINT,
    revoked_reason  TEXT    NOT NULL,
    remote_addr     TEXT    NOT NULL,
    token_id        TEXT    NOT NULL,
    detail          JSON
);
CREATE UNIQUE INDEX agents_instance ON agents (instance);
CREATE INDEX agents_fingerprint ON agents (fingerprint);
CREATE INDEX agents_public_key ON agents (public_key_hash);

CREATE TABLE agent_certificates (
    serial          TEXT    NOT NULL PRIMARY KEY,
    agent_id        TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    public_key_hash TEXT    NOT NULL,
    not_before      BIGINT  NOT NULL,
    not_after       BIGINT  NOT NULL,
    issued_at       BIGINT  NOT NULL,
    revoked_at      BIGINT,
    revoked_reason  TEXT    NOT NULL
);
CREATE INDEX agent_certificates_agent ON agent_certificates (agent_id);
CREATE INDEX agent_certificates_public_key ON agent_certificates (public_key_hash);

CREATE TABLE enroll_tokens (
    id              TEXT    NOT NULL PRIMARY KEY,
    secret_hash     TEXT    NOT NULL,
    uses_left       BIGINT  NOT NULL CHECK (uses_left >= 0),
    uses_max        BIGINT  NOT NULL,
    not_before      BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    created_by      TEXT    NOT NULL,
    revoked_at      BIGINT,
    allow_reinstall BOOLEAN NOT NULL,
    address         TEXT    NOT NULL
);
CREATE INDEX enroll_tokens_expires ON enroll_tokens (expires_at);

CREATE TABLE agent_facts (
    agent_id   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    item_key   TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    attributes JSON    NOT NULL,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (agent_id, kind, item_key)
);

CREATE TABLE agent_fact_state (
    agent_id   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    full_hash  TEXT    NOT NULL,
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (agent_id, kind)
);
