-- +goose Up
CREATE TABLE agent_capabilities (
    agent_id  TEXT    NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    available INTEGER NOT NULL CHECK (available IN (0, 1)),
    reason    TEXT    NOT NULL,
    fix       TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    PRIMARY KEY (agent_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX agent_capabilities_gaps ON agent_capabilities (available, name);
CREATE INDEX agent_capabilities_fix ON agent_capabilities (agent_id) WHERE fix <> '';
CREATE INDEX agent_certificates_valid ON agent_certificates (agent_id, not_after) WHERE revoked_at IS NULL;

-- The newest result of each check and resource: check_results holds what led there.
CREATE TABLE latest_results (
    agent_id    TEXT    NOT NULL,
    check_name  TEXT    NOT NULL,
    resource    TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (agent_id, check_name, resource)
) STRICT, WITHOUT ROWID;
CREATE INDEX latest_results_not_ok ON latest_results (agent_id, status) WHERE status <> 'ok';
CREATE INDEX latest_results_received ON latest_results (received_at);
INSERT INTO latest_results (agent_id, check_name, resource, id, status, time, received_at)
SELECT agent_id, check_name, resource, id, status, time, received_at FROM check_results AS r
WHERE NOT EXISTS (
    SELECT 1 FROM check_results AS newer
    WHERE newer.agent_id = r.agent_id AND newer.check_name = r.check_name AND newer.resource = r.resource
      AND (newer.time > r.time OR (newer.time = r.time AND newer.id > r.id))
);
