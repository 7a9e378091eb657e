-- +goose Up

CREATE TABLE frameworks (
    id                TEXT   NOT NULL PRIMARY KEY,
    name              TEXT   NOT NULL,
    principal         TEXT   NOT NULL, -- '' for none
    info              JSON   NOT NULL, -- FrameworkInfo
    registered        BIGINT NOT NULL,
    failover_deadline BIGINT,          -- NULL while it is connected
    removed           BIGINT           -- NULL while its id may be used
);

CREATE TABLE agents (
    id          TEXT    NOT NULL PRIMARY KEY,
    hostname    TEXT    NOT NULL,
    state       TEXT    NOT NULL, -- admitted, unreachable, gone
    since       BIGINT  NOT NULL, -- of the state
    registered  BIGINT  NOT NULL,
    deactivated BOOLEAN NOT NULL,
    drain       JSON,             -- DrainInfo, NULL when not draining
    info        JSON    NOT NULL  -- AgentInfo
);

CREATE TABLE weights (
    role   TEXT             NOT NULL PRIMARY KEY,
    weight DOUBLE PRECISION NOT NULL
);

CREATE TABLE quotas (
    role   TEXT NOT NULL PRIMARY KEY,
    config JSON NOT NULL -- QuotaConfig
);

-- Reserved resources of agents that are not persistent volumes. The key is a
-- hash of what tells them apart: everything but the amount.
CREATE TABLE reservations (
    agent_id  TEXT   NOT NULL,
    key       TEXT   NOT NULL,
    role      TEXT   NOT NULL, -- the owner: the topmost reservation
    principal TEXT   NOT NULL, -- '' for none
    name      TEXT   NOT NULL,
    amount    BIGINT NOT NULL, -- scalars in thousandths; 0 for ranges and sets
    resource  JSON   NOT NULL,
    PRIMARY KEY (agent_id, key)
);
CREATE INDEX reservations_role ON reservations (role);

CREATE TABLE volumes (
    agent_id  TEXT    NOT NULL,
    key       TEXT    NOT NULL, -- a hash of role and volume id
    role      TEXT    NOT NULL,
    volume_id TEXT    NOT NULL,
    principal TEXT    NOT NULL, -- of the creator, '' for none
    shared    BOOLEAN NOT NULL,
    size      BIGINT  NOT NULL, -- thousandths of a megabyte
    resource  JSON    NOT NULL,
    PRIMARY KEY (agent_id, key)
);
CREATE INDEX volumes_role ON volumes (role);

-- Operations that have not ended, or whose end has not been acknowledged.
CREATE TABLE operations (
    uuid         TEXT   NOT NULL PRIMARY KEY,
    framework_id TEXT   NOT NULL, -- '' for an operator's
    agent_id     TEXT   NOT NULL,
    operation_id TEXT   NOT NULL, -- '' for none
    kind         TEXT   NOT NULL, -- RESERVE, CREATE, …
    state        TEXT   NOT NULL, -- OPERATION_PENDING, …
    created      BIGINT NOT NULL,
    updated      BIGINT NOT NULL,
    operation    JSON   NOT NULL  -- Operation
);

CREATE TABLE maintenance_windows (
    id       TEXT   NOT NULL PRIMARY KEY, -- its place in the schedule
    start    BIGINT NOT NULL,
    duration BIGINT                       -- NULL for no end
);

-- Machines in the schedule or down; all others are up.
CREATE TABLE machines (
    hostname  TEXT NOT NULL, -- in lower case
    ip        TEXT NOT NULL,
    mode      TEXT NOT NULL, -- DRAINING, DOWN
    window_id TEXT,
    PRIMARY KEY (hostname, ip)
);

-- History: what has ended. Nothing depends on it.

CREATE TABLE ended_frameworks (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    registered BIGINT NOT NULL,
    ended      BIGINT NOT NULL,
    info       JSON   NOT NULL -- FrameworkInfo
);
CREATE INDEX ended_frameworks_ended ON ended_frameworks (ended);

-- The id of a task may be used again once it has ended.
CREATE TABLE ended_tasks (
    framework_id TEXT   NOT NULL,
    task_id      TEXT   NOT NULL,
    ended        BIGINT NOT NULL,
    agent_id     TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    task         JSON   NOT NULL, -- Task
    PRIMARY KEY (framework_id, task_id, ended)
);
CREATE INDEX ended_tasks_framework ON ended_tasks (framework_id, ended);
CREATE INDEX ended_tasks_ended ON ended_tasks (ended);

CREATE TABLE ended_operations (
    uuid         TEXT   NOT NULL PRIMARY KEY,
    framework_id TEXT   NOT NULL,
    agent_id     TEXT   NOT NULL,
    operation_id TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    ended        BIGINT NOT NULL,
    operation    JSON   NOT NULL -- Operation
);
CREATE INDEX ended_operations_ended ON ended_operations (ended);

-- +goose Down
DROP TABLE ended_operations;
DROP TABLE ended_tasks;
DROP TABLE ended_frameworks;
DROP TABLE machines;
DROP TABLE maintenance_windows;
DROP TABLE operations;
DROP TABLE volumes;
DROP TABLE reservations;
DROP TABLE quotas;
DROP TABLE weights;
DROP TABLE agents;
DROP TABLE frameworks;
