-- What an inbox of lipdub holds, version 1. Times are milliseconds since 1970 in UTC.

CREATE TABLE event (
    seq        INTEGER PRIMARY KEY, -- the order of arrival
    key        TEXT    NOT NULL UNIQUE,
    event_type TEXT CHECK ((event_type IS NULL) = (state = 'done')),
    job        TEXT CHECK ((job IS NULL) = (state = 'done')),
    source     TEXT CHECK ((source IS NULL) = (state = 'done')), -- JSON: "tenant" or {"job": …}
    state      TEXT    NOT NULL CHECK (state IN ('queued', 'delayed', 'leased', 'done', 'dead')),
    attempt    INTEGER NOT NULL DEFAULT 0,
    tries      INTEGER NOT NULL DEFAULT 0,
    token      TEXT,                -- who leased it last
    settled    TEXT CHECK (settled IN ('done', 'retry', 'bury', 'give_back')), -- how that ended, or NULL
    why        TEXT,
    accepted   INTEGER NOT NULL,
    due        INTEGER,             -- of one that is delayed or leased: when that ends and it stands in line
    ended      INTEGER,             -- when it was done or discarded, or died
    died       INTEGER,             -- when it died last, whatever has become of it since
    -- Of one that is queued, delayed or leased, what of its job is before it:
    -- 0 nothing, 1 only what is dead, 2 others that are not finished.
    ahead      INTEGER CHECK ((ahead IS NULL) = (state IN ('done', 'dead'))),
    -- Of the first of each type in its job that stands in line: the job's turn.
    turn       INTEGER CHECK (turn IS NULL OR (ahead IS NOT NULL AND due IS NULL))
) STRICT;

-- In line, which means that it may be leased, is what is not finished and has no time in `due`: what is
-- queued, and what is leased if the lease has lapsed.

CREATE INDEX event_of_job ON event (job, state) WHERE job IS NOT NULL;
CREATE UNIQUE INDEX event_first ON event (job) WHERE ahead < 2;
CREATE INDEX event_kind ON event (job, event_type) WHERE ahead IS NOT NULL AND due IS NULL;
CREATE UNIQUE INDEX event_front ON event (job, event_type) WHERE turn IS NOT NULL;
CREATE INDEX event_turn ON event (ahead, turn) WHERE turn IS NOT NULL;
CREATE INDEX event_turn_of_type ON event (event_type, ahead, turn) WHERE turn IS NOT NULL;
CREATE INDEX event_oldest ON event (accepted) WHERE state = 'queued';
CREATE INDEX event_due ON event (state, due, accepted) WHERE due IS NOT NULL;
CREATE INDEX event_held ON event (token) WHERE settled IS NULL AND token IS NOT NULL;
CREATE INDEX event_done ON event (ended) WHERE state = 'done';
CREATE INDEX event_dead ON event (ended) WHERE state = 'dead';
CREATE INDEX event_dead_of_type ON event (event_type, ended) WHERE state = 'dead';
CREATE INDEX event_dead_of_job ON event (job, ended) WHERE state = 'dead';

-- Bodies apart, so that an event changes its state without its body being written anew.
CREATE TABLE body (
    seq  INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- How many events are in each state, so that nobody has to count them.
CREATE TABLE tally (
    state  TEXT    PRIMARY KEY,
    events INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO tally VALUES ('queued', 0), ('delayed', 0), ('leased', 0), ('done', 0), ('dead', 0);

CREATE TRIGGER event_came AFTER INSERT ON event BEGIN
    UPDATE tally SET events = events + 1 WHERE state = new.state;
END;
CREATE TRIGGER event_moved AFTER UPDATE OF state ON event WHEN old.state <> new.state BEGIN
    UPDATE tally SET events = events - 1 WHERE state = old.state;
    UPDATE tally SET events = events + 1 WHERE state = new.state;
END;
CREATE TRIGGER event_went AFTER DELETE ON event BEGIN
    UPDATE tally SET events = events - 1 WHERE state = old.state;
END;

-- The greatest turn that was taken, and what the clock said at the last change.
CREATE TABLE progress (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    turn  INTEGER NOT NULL,
    clock INTEGER NOT NULL
) STRICT;
INSERT INTO progress VALUES (1, 0, 0);

-- For people.
CREATE VIEW inbox AS
SELECT seq, key, event_type, job, source, state, attempt, tries, why,
       strftime('%Y-%m-%d %H:%M:%f', accepted / 1000.0, 'unixepoch') AS accepted,
       strftime('%Y-%m-%d %H:%M:%f', due / 1000.0, 'unixepoch') AS due,
       strftime('%Y-%m-%d %H:%M:%f', ended / 1000.0, 'unixepoch') AS ended,
       body
FROM event LEFT JOIN body USING (seq);
