-- +goose Up

-- One row for each service. A leader raises the epoch when it wins; every
-- write of the service holds a share lock on the row with its own epoch, so
-- that none of an earlier epoch can commit afterwards.
CREATE TABLE leadership (
    service TEXT   NOT NULL PRIMARY KEY,
    epoch   BIGINT NOT NULL,
    id      TEXT   NOT NULL, -- of the leading process
    address TEXT   NOT NULL, -- host:port that clients are sent to
    since   BIGINT NOT NULL
);

-- +goose Down
DROP TABLE leadership;
