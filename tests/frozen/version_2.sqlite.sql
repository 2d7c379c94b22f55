-- The tables of version 2 as redux made them on SQLite. Never to be changed.
PRAGMA page_size = 4096;
PRAGMA application_id = 1380210008;
PRAGMA user_version = 2;
CREATE TABLE word (
    id INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (text)
);
CREATE TABLE code_piece (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX code_piece_by_hash ON code_piece (substr(hash, 1, 5));
CREATE TABLE task_set (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX task_set_by_hash ON task_set (substr(hash, 1, 5));
CREATE TABLE execution (
    id INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    argv TEXT NOT NULL,
    user TEXT NOT NULL,
    cwd TEXT NOT NULL,
    started FLOAT NOT NULL,
    ended FLOAT,
    status SMALLINT NOT NULL,
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started TEXT NOT NULL,
    lease_until FLOAT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX execution_by_started ON execution (started);
CREATE INDEX execution_running ON execution (id) WHERE status = 0;
CREATE INDEX execution_by_uuid ON execution (substr(uuid, 1, 5));
CREATE TABLE tag (
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    entity BLOB NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX tag_by_entity ON tag (substr(entity, 1, 5));
CREATE TABLE value (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    type_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    traits SMALLINT NOT NULL,
    place SMALLINT NOT NULL,
    preview TEXT NOT NULL,
    data BLOB,
    PRIMARY KEY (id),
    FOREIGN KEY(type_id) REFERENCES word (id)
);
CREATE INDEX value_missing ON value (id) WHERE place = 2;
CREATE INDEX value_by_hash ON value (substr(hash, 1, 5));
CREATE TABLE handle (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    name_id INTEGER NOT NULL,
    valid SMALLINT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(name_id) REFERENCES word (id)
);
CREATE INDEX handle_by_hash ON handle (substr(hash, 1, 5));
CREATE TABLE task (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    name_id INTEGER NOT NULL,
    version TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(name_id) REFERENCES word (id)
);
CREATE INDEX task_by_name ON task (name_id);
CREATE INDEX task_by_hash ON task (substr(hash, 1, 5));
CREATE TABLE held_file (
    value_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    content BLOB,
    PRIMARY KEY (value_id, position),
    FOREIGN KEY(value_id) REFERENCES value (id)
)
 WITHOUT ROWID;
CREATE INDEX held_file_by_path ON held_file (path);
CREATE TABLE held_task (
    value_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    task_hash BLOB NOT NULL,
    PRIMARY KEY (value_id, position),
    FOREIGN KEY(value_id) REFERENCES value (id),
    FOREIGN KEY(name_id) REFERENCES word (id)
)
 WITHOUT ROWID;
CREATE TABLE subvalue (
    value_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    child_id INTEGER NOT NULL,
    PRIMARY KEY (value_id, position),
    FOREIGN KEY(value_id) REFERENCES value (id),
    FOREIGN KEY(child_id) REFERENCES value (id)
)
 WITHOUT ROWID;
CREATE TABLE handle_edge (
    child_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    PRIMARY KEY (child_id, position),
    FOREIGN KEY(child_id) REFERENCES handle (id),
    FOREIGN KEY(parent_id) REFERENCES handle (id)
)
 WITHOUT ROWID;
CREATE INDEX handle_edge_by_parent ON handle_edge (parent_id);
CREATE TABLE held_handle (
    value_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    handle_id INTEGER NOT NULL,
    PRIMARY KEY (value_id, position),
    FOREIGN KEY(value_id) REFERENCES value (id),
    FOREIGN KEY(handle_id) REFERENCES handle (id)
)
 WITHOUT ROWID;
CREATE TABLE task_piece (
    task_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    piece_id INTEGER NOT NULL,
    PRIMARY KEY (task_id, position),
    FOREIGN KEY(task_id) REFERENCES task (id),
    FOREIGN KEY(piece_id) REFERENCES code_piece (id)
)
 WITHOUT ROWID;
CREATE TABLE evaluation (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    task_id INTEGER NOT NULL,
    args_hash BLOB NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(task_id) REFERENCES task (id)
);
CREATE INDEX evaluation_by_hash ON evaluation (substr(hash, 1, 5));
CREATE INDEX evaluation_by_task ON evaluation (task_id);
CREATE TABLE task_set_member (
    set_id INTEGER NOT NULL,
    task_id INTEGER NOT NULL,
    PRIMARY KEY (set_id, task_id),
    FOREIGN KEY(set_id) REFERENCES task_set (id),
    FOREIGN KEY(task_id) REFERENCES task (id)
)
 WITHOUT ROWID;
CREATE TABLE argument (
    evaluation_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    value_id INTEGER NOT NULL,
    PRIMARY KEY (evaluation_id, position),
    FOREIGN KEY(evaluation_id) REFERENCES evaluation (id),
    FOREIGN KEY(name_id) REFERENCES word (id),
    FOREIGN KEY(value_id) REFERENCES value (id)
)
 WITHOUT ROWID;
CREATE INDEX argument_by_value ON argument (value_id);
CREATE TABLE evaluation_result (
    evaluation_id INTEGER NOT NULL,
    value_id INTEGER NOT NULL,
    duration FLOAT NOT NULL,
    recorded FLOAT NOT NULL,
    PRIMARY KEY (evaluation_id, value_id),
    FOREIGN KEY(evaluation_id) REFERENCES evaluation (id),
    FOREIGN KEY(value_id) REFERENCES value (id)
)
 WITHOUT ROWID;
CREATE TABLE call_node (
    id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    evaluation_id INTEGER NOT NULL,
    value_id INTEGER NOT NULL,
    set_id INTEGER NOT NULL,
    children INTEGER NOT NULL,
    duration FLOAT NOT NULL,
    recorded FLOAT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(evaluation_id) REFERENCES evaluation (id),
    FOREIGN KEY(value_id) REFERENCES value (id),
    FOREIGN KEY(set_id) REFERENCES task_set (id)
);
CREATE INDEX call_node_by_evaluation ON call_node (evaluation_id);
CREATE INDEX call_node_by_hash ON call_node (substr(hash, 1, 5));
CREATE INDEX call_node_by_value ON call_node (value_id);
CREATE TABLE call_edge (
    parent_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    child_id INTEGER NOT NULL,
    PRIMARY KEY (parent_id, position),
    FOREIGN KEY(parent_id) REFERENCES call_node (id),
    FOREIGN KEY(child_id) REFERENCES call_node (id)
)
 WITHOUT ROWID;
CREATE TABLE call_upstream (
    call_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name_id INTEGER NOT NULL,
    upstream_id INTEGER NOT NULL,
    PRIMARY KEY (call_id, position),
    FOREIGN KEY(call_id) REFERENCES call_node (id),
    FOREIGN KEY(name_id) REFERENCES word (id),
    FOREIGN KEY(upstream_id) REFERENCES call_node (id)
)
 WITHOUT ROWID;
CREATE TABLE job (
    id INTEGER NOT NULL,
    uuid BLOB NOT NULL,
    execution_id INTEGER NOT NULL,
    parent_id INTEGER,
    task_id INTEGER NOT NULL,
    evaluation_id INTEGER,
    call_id INTEGER,
    status SMALLINT NOT NULL,
    outcome SMALLINT NOT NULL,
    started FLOAT NOT NULL,
    ended FLOAT,
    reason SMALLINT,
    detail_id INTEGER,
    place_id INTEGER NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(execution_id) REFERENCES execution (id),
    FOREIGN KEY(parent_id) REFERENCES job (id),
    FOREIGN KEY(task_id) REFERENCES task (id),
    FOREIGN KEY(evaluation_id) REFERENCES evaluation (id),
    FOREIGN KEY(call_id) REFERENCES call_node (id),
    FOREIGN KEY(detail_id) REFERENCES word (id),
    FOREIGN KEY(place_id) REFERENCES word (id)
);
CREATE INDEX job_by_evaluation ON job (evaluation_id);
CREATE INDEX job_by_execution ON job (execution_id);
CREATE INDEX job_by_uuid ON job (substr(uuid, 1, 5));
CREATE INDEX job_by_parent ON job (parent_id);
