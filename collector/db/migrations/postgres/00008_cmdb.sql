-- +goose Up
-- What is: one row per item, with the values that won. What each source says stands in item_claims.
CREATE TABLE items (
    id               TEXT    NOT NULL PRIMARY KEY,
    class            TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    host_id          TEXT    NOT NULL DEFAULT '',
    attributes       TEXT    NOT NULL,
    discovery_source TEXT    NOT NULL,
    first_discovered BIGINT NOT NULL,
    last_discovered  BIGINT NOT NULL,
    duplicate_of     TEXT    NOT NULL DEFAULT '',
    merged_into      TEXT    NOT NULL DEFAULT '',
    search           TEXT    NOT NULL,
    created_at       BIGINT NOT NULL,
    created_by       TEXT    NOT NULL,
    updated_at       BIGINT NOT NULL,
    updated_by       TEXT    NOT NULL,
    mod_count        BIGINT NOT NULL
);
CREATE INDEX items_class ON items (class, name);
CREATE INDEX items_name ON items (name, id);
CREATE INDEX items_host ON items (host_id) WHERE host_id <> '';
CREATE INDEX items_duplicate ON items (duplicate_of) WHERE duplicate_of <> '';
CREATE INDEX items_merged ON items (merged_into) WHERE merged_into <> '';

CREATE TABLE item_claims (
    item_id    TEXT    NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    source     TEXT    NOT NULL,
    claim_key  TEXT   NOT NULL,
    native_key TEXT   COLLATE "C" NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    body       TEXT    NOT NULL,
    PRIMARY KEY (item_id, source, claim_key)
);
CREATE UNIQUE INDEX item_claims_native ON item_claims (source, native_key) WHERE native_key <> '';

-- What identifies an item: hashes of identifier entries with their values.
CREATE TABLE item_keys (
    hash    TEXT NOT NULL,
    item_id TEXT NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    PRIMARY KEY (hash, item_id)
);
CREATE INDEX item_keys_item ON item_keys (item_id);

CREATE TABLE relations (
    parent_id        TEXT    NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    child_id         TEXT    NOT NULL REFERENCES items (id) ON DELETE CASCADE,
    type             TEXT    NOT NULL,
    id               TEXT    NOT NULL UNIQUE,
    sources          TEXT    NOT NULL,
    first_discovered BIGINT NOT NULL,
    last_discovered  BIGINT NOT NULL,
    created_by       TEXT    NOT NULL,
    PRIMARY KEY (parent_id, child_id, type)
);
CREATE INDEX relations_child ON relations (child_id);

CREATE TABLE item_changes (
    id      TEXT    NOT NULL PRIMARY KEY,
    item_id TEXT    NOT NULL,
    time    BIGINT NOT NULL,
    op      TEXT    NOT NULL,
    source  TEXT    NOT NULL,
    by_whom TEXT    NOT NULL,
    changes TEXT    NOT NULL
);
CREATE INDEX item_changes_item ON item_changes (item_id, id);

CREATE TABLE relation_changes (
    id        TEXT    NOT NULL PRIMARY KEY,
    parent_id TEXT    NOT NULL,
    child_id  TEXT    NOT NULL,
    type      TEXT    NOT NULL,
    time      BIGINT NOT NULL,
    op        TEXT    NOT NULL,
    source    TEXT    NOT NULL,
    by_whom   TEXT    NOT NULL
);
CREATE INDEX relation_changes_parent ON relation_changes (parent_id, id);
CREATE INDEX relation_changes_child ON relation_changes (child_id, id);

-- Reports that lack something until another comes: a name, or the host that they hang on.
CREATE TABLE item_partials (
    id         TEXT    NOT NULL PRIMARY KEY,
    identity   TEXT    NOT NULL UNIQUE,
    source     TEXT    NOT NULL,
    payload    TEXT    NOT NULL,
    collected  BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE item_partial_keys (
    hash       TEXT NOT NULL,
    partial_id TEXT NOT NULL REFERENCES item_partials (id) ON DELETE CASCADE,
    PRIMARY KEY (hash, partial_id)
);
CREATE INDEX item_partial_keys_partial ON item_partial_keys (partial_id);

CREATE TABLE duplicate_tasks (
    id          TEXT    NOT NULL PRIMARY KEY,
    members     TEXT    NOT NULL UNIQUE,
    reason      TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('open', 'merged', 'dismissed')),
    main_id     TEXT    NOT NULL,
    undo        TEXT    NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT    NOT NULL
);
CREATE INDEX duplicate_tasks_state ON duplicate_tasks (state, id);
