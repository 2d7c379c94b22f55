-- The tables of version 2 as redux made them on PostgreSQL. Never to be changed.
CREATE TABLE word (
    id BIGINT NOT NULL,
    text TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX word_by_text ON word USING hash (text);
COMMENT ON TABLE word IS 'texts that many rows share: names of arguments, types, tasks and places, details of reasons';
CREATE TABLE code_piece (
    id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX code_piece_by_hash ON code_piece (substr(hash, 1, 5));
CREATE TABLE task_set (
    id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX task_set_by_hash ON task_set (substr(hash, 1, 5));
CREATE TABLE execution (
    id BIGINT NOT NULL,
    uuid BYTEA NOT NULL,
    argv TEXT COLLATE "C" NOT NULL,
    "user" TEXT COLLATE "C" NOT NULL,
    cwd TEXT COLLATE "C" NOT NULL,
    started FLOAT NOT NULL,
    ended FLOAT,
    status SMALLINT NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    boot TEXT COLLATE "C" NOT NULL,
    pid INTEGER NOT NULL,
    process_started TEXT COLLATE "C" NOT NULL,
    lease_until FLOAT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX execution_by_uuid ON execution (substr(uuid, 1, 5));
CREATE INDEX execution_running ON execution (id) WHERE status = 0;
CREATE INDEX execution_by_started ON execution (started);
COMMENT ON COLUMN execution.lease_until IS 'by the database''s clock';
CREATE TABLE tag (
    id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    entity BYTEA NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX tag_by_entity ON tag (substr(entity, 1, 5));
CREATE TABLE value (
    id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    type_id BIGINT NOT NULL,
    size BIGINT NOT NULL,
    traits SMALLINT NOT NULL,
    place SMALLINT NOT NULL,
    preview TEXT COLLATE "C" NOT NULL,
    data BYTEA,
    PRIMARY KEY (id)
);
CREATE INDEX value_by_hash ON value (substr(hash, 1, 5));
CREATE INDEX value_missing ON value (id) WHERE place = 2;
CREATE TABLE handle (
    id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    name_id BIGINT NOT NULL,
    valid SMALLINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX handle_by_hash ON handle (substr(hash, 1, 5));
CREATE TABLE task (
    id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    name_id BIGINT NOT NULL,
    version TEXT COLLATE "C",
    PRIMARY KEY (id)
);
CREATE INDEX task_by_hash ON task (substr(hash, 1, 5));
CREATE INDEX task_by_name ON task (name_id);
CREATE TABLE held_file (
    value_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    content BYTEA,
    PRIMARY KEY (value_id, position)
);
CREATE INDEX held_file_by_path ON held_file USING hash (path);
CREATE TABLE held_task (
    value_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    name_id BIGINT NOT NULL,
    task_hash BYTEA NOT NULL,
    PRIMARY KEY (value_id, position)
);
CREATE TABLE subvalue (
    value_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    child_id BIGINT NOT NULL,
    PRIMARY KEY (value_id, position)
);
CREATE TABLE handle_edge (
    child_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    parent_id BIGINT NOT NULL,
    PRIMARY KEY (child_id, position)
);
CREATE INDEX handle_edge_by_parent ON handle_edge (parent_id);
CREATE TABLE held_handle (
    value_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    handle_id BIGINT NOT NULL,
    PRIMARY KEY (value_id, position)
);
CREATE TABLE task_piece (
    task_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    piece_id BIGINT NOT NULL,
    PRIMARY KEY (task_id, position)
);
CREATE TABLE evaluation (
    id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    task_id BIGINT NOT NULL,
    args_hash BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX evaluation_by_task ON evaluation (task_id);
CREATE INDEX evaluation_by_hash ON evaluation (substr(hash, 1, 5));
CREATE TABLE task_set_member (
    set_id BIGINT NOT NULL,
    task_id BIGINT NOT NULL,
    PRIMARY KEY (set_id, task_id)
);
CREATE TABLE argument (
    evaluation_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    name_id BIGINT NOT NULL,
    value_id BIGINT NOT NULL,
    PRIMARY KEY (evaluation_id, position)
);
CREATE INDEX argument_by_value ON argument (value_id);
CREATE TABLE evaluation_result (
    evaluation_id BIGINT NOT NULL,
    value_id BIGINT NOT NULL,
    duration FLOAT NOT NULL,
    recorded FLOAT NOT NULL,
    PRIMARY KEY (evaluation_id, value_id)
);
CREATE TABLE call_node (
    id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    evaluation_id BIGINT NOT NULL,
    value_id BIGINT NOT NULL,
    set_id BIGINT NOT NULL,
    children INTEGER NOT NULL,
    duration FLOAT NOT NULL,
    recorded FLOAT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX call_node_by_hash ON call_node (substr(hash, 1, 5));
CREATE INDEX call_node_by_value ON call_node (value_id);
CREATE INDEX call_node_by_evaluation ON call_node (evaluation_id);
CREATE TABLE call_edge (
    parent_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    child_id BIGINT NOT NULL,
    PRIMARY KEY (parent_id, position)
);
CREATE TABLE call_upstream (
    call_id BIGINT NOT NULL,
    position INTEGER NOT NULL,
    name_id BIGINT NOT NULL,
    upstream_id BIGINT NOT NULL,
    PRIMARY KEY (call_id, position)
);
CREATE TABLE job (
    id BIGINT NOT NULL,
    uuid BYTEA NOT NULL,
    execution_id BIGINT NOT NULL,
    parent_id BIGINT,
    task_id BIGINT NOT NULL,
    evaluation_id BIGINT,
    call_id BIGINT,
    status SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    started FLOAT NOT NULL,
    ended FLOAT,
    reason SMALLINT,
    detail_id BIGINT,
    place_id BIGINT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX job_by_uuid ON job (substr(uuid, 1, 5));
CREATE INDEX job_by_parent ON job (parent_id);
CREATE INDEX job_by_execution ON job (execution_id);
CREATE INDEX job_by_evaluation ON job (evaluation_id);
CREATE TABLE redux_schema (version integer NOT NULL);
INSERT INTO redux_schema VALUES (2);
