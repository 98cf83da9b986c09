//! The SQL, by name. Each statement finds its rows by an index, however many there are: a test looks at the
//! plans.

/// Declares statements, and in tests the list of them all.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(super) const $name: &str = $sql;)*

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

statements! {
    PROGRESS = "SELECT turn, clock FROM progress WHERE id = 1";
    SET_PROGRESS = "UPDATE progress SET turn = ?1, clock = ?2 WHERE id = 1";
    /// The clock was set back by ?2, and what waits moves with it.
    SHIFT = "UPDATE event INDEXED BY event_due SET due = due - ?2 WHERE state = ?1 AND due IS NOT NULL";

    STATE = "SELECT seq, state FROM event WHERE key = ?1";
    ROW = "SELECT seq, event_type, job, token, settled FROM event WHERE key = ?1";
    INSERT = "INSERT INTO event (key, event_type, job, source, state, accepted, ahead) \
              VALUES (?1, ?2, ?3, ?4, 'queued', ?5, 2)";
    INSERT_BODY = "INSERT INTO body (seq, body) VALUES (?1, ?2)";
    REVIVE = "UPDATE event SET source = ?2, accepted = ?3, state = 'queued', ahead = 2, tries = 0, token = NULL, \
              settled = NULL WHERE seq = ?1";
    REPLACE_BODY = "INSERT OR REPLACE INTO body (seq, body) VALUES (?1, ?2)";
    REPLAY = "UPDATE event SET state = 'queued', ahead = 2, tries = 0, token = NULL, settled = NULL WHERE seq = ?1";

    /// What a token holds, also under a lease that has lapsed.
    HELD = "SELECT seq, event_type, job FROM event INDEXED BY event_held \
            WHERE token = ?1 AND settled IS NULL ORDER BY seq LIMIT ?2";
    DUE = "SELECT seq, event_type, job FROM event INDEXED BY event_due \
           WHERE state = ?1 AND due <= ?2 ORDER BY due LIMIT ?3";
    STAND_IN_LINE = "UPDATE event SET state = replace(state, 'delayed', 'queued'), due = NULL WHERE seq = ?1";
    HOLD = "UPDATE event SET state = 'leased', due = ?2, turn = NULL WHERE seq = ?1";
    TAKE = "UPDATE event SET state = 'leased', due = ?2, turn = NULL, token = ?3, settled = NULL, \
            attempt = min(attempt, 4294967294) + 1, tries = min(tries, 4294967294) + 1 WHERE seq = ?1";
    LEASED = "SELECT key, event_type, job, source, attempt, tries, accepted, why, body \
              FROM event LEFT JOIN body USING (seq) WHERE seq = ?1";

    NEXT = "SELECT turn, seq, event_type, job FROM event INDEXED BY event_turn \
            WHERE ahead = ?1 AND turn IS NOT NULL ORDER BY turn, seq LIMIT 1";
    NEXT_OF_TYPE = "SELECT turn, seq, event_type, job FROM event INDEXED BY event_turn_of_type \
                    WHERE event_type = ?2 AND ahead = ?1 AND turn IS NOT NULL ORDER BY turn, seq LIMIT 1";

    DONE = "UPDATE event SET state = 'done', settled = 'done', ended = ?2, event_type = NULL, job = NULL, \
            source = NULL, why = NULL, due = NULL, ahead = NULL, turn = NULL WHERE seq = ?1";
    DISCARD = "UPDATE event SET state = 'done', settled = NULL, token = NULL, ended = ?2, event_type = NULL, \
               job = NULL, source = NULL, why = NULL WHERE seq = ?1";
    DELETE_BODY = "DELETE FROM body WHERE seq = ?1";
    DELAY = "UPDATE event SET state = 'delayed', settled = 'retry', due = ?2, why = ?3, turn = NULL \
             WHERE seq = ?1";
    RETRY = "UPDATE event SET state = 'queued', settled = 'retry', due = NULL, why = ?2 WHERE seq = ?1";
    GIVE_BACK = "UPDATE event SET state = 'queued', settled = 'give_back', due = NULL, tries = max(tries - 1, 0) \
                 WHERE seq = ?1";
    BURY = "UPDATE event SET state = 'dead', settled = 'bury', ended = ?2, died = ?2, why = ?3, due = NULL, \
            ahead = NULL, turn = NULL WHERE seq = ?1";

    FIRST_IN_STATE = "SELECT seq FROM event INDEXED BY event_of_job WHERE job = ?1 AND state = ?2 \
                      ORDER BY seq LIMIT 1";
    MARKED_FIRST = "SELECT seq, ahead FROM event INDEXED BY event_first WHERE job = ?1 AND ahead < 2";
    SET_AHEAD = "UPDATE event SET ahead = ?2 WHERE seq = ?1";
    FIRST_OF_KIND = "SELECT seq FROM event INDEXED BY event_kind \
                     WHERE job = ?1 AND event_type = ?2 AND ahead IS NOT NULL AND due IS NULL \
                     ORDER BY seq LIMIT 1";
    MARKED_FRONT = "SELECT seq FROM event INDEXED BY event_front \
                    WHERE job = ?1 AND event_type = ?2 AND turn IS NOT NULL";
    TURN_OF_JOB = "SELECT turn FROM event INDEXED BY event_front WHERE job = ?1 AND turn IS NOT NULL LIMIT 1";
    SET_TURN = "UPDATE event SET turn = ?2 WHERE seq = ?1";
    SET_TURN_OF_JOB = "UPDATE event INDEXED BY event_front SET turn = ?2 WHERE job = ?1 AND turn IS NOT NULL";

    OLD_DONE = "SELECT seq FROM event INDEXED BY event_done \
                WHERE state = 'done' AND ended <= ?1 ORDER BY ended LIMIT ?2";
    OLD_DEAD = "SELECT seq, event_type, job FROM event INDEXED BY event_dead \
                WHERE state = 'dead' AND ended <= ?1 ORDER BY ended LIMIT ?2";
    DELETE = "DELETE FROM event WHERE seq = ?1";

    FIND = "SELECT key, event_type, job, source, attempt, tries, accepted, why, body, state \
            FROM event LEFT JOIN body USING (seq) WHERE key = ?1";
    DIED = "SELECT died, seq FROM event WHERE key = ?1 AND died IS NOT NULL";
    DEAD = "SELECT key, event_type, job, attempt, why, accepted, ended, seq FROM event INDEXED BY event_dead \
            WHERE state = 'dead' AND (ended, seq) < (?1, ?2) ORDER BY ended DESC, seq DESC LIMIT ?3";
    DEAD_OF_TYPE = "SELECT key, event_type, job, attempt, why, accepted, ended, seq \
                    FROM event INDEXED BY event_dead_of_type \
                    WHERE state = 'dead' AND (ended, seq) < (?1, ?2) AND event_type = ?4 \
                    ORDER BY ended DESC, seq DESC LIMIT ?3";
    DEAD_OF_JOB = "SELECT key, event_type, job, attempt, why, accepted, ended, seq \
                   FROM event INDEXED BY event_dead_of_job \
                   WHERE state = 'dead' AND (ended, seq) < (?1, ?2) AND job = ?4 \
                   ORDER BY ended DESC, seq DESC LIMIT ?3";
    DEAD_OF_TYPE_AND_JOB = "SELECT key, event_type, job, attempt, why, accepted, ended, seq \
                            FROM event INDEXED BY event_dead_of_job \
                            WHERE state = 'dead' AND (ended, seq) < (?1, ?2) AND job = ?4 AND event_type = ?5 \
                            ORDER BY ended DESC, seq DESC LIMIT ?3";
    TALLY = "SELECT events FROM tally WHERE state = ?1";
    OLDEST_QUEUED = "SELECT accepted FROM event INDEXED BY event_oldest WHERE state = 'queued' AND accepted > 0 \
                     ORDER BY accepted LIMIT 1";
    DELAYED_AND_DUE = "SELECT count(*), min(accepted) FROM event INDEXED BY event_due \
                       WHERE state = 'delayed' AND due <= ?1";
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::inbox::sqlite::schema::SCHEMA;

    #[test]
    fn no_statement_walks_through_a_table_or_sorts() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        for (name, sql) in ALL {
            for step in plan(&connection, sql) {
                let steps_over_rows = step.starts_with("SCAN") && !step.ends_with("CONSTANT ROW");
                assert!(!steps_over_rows && !step.contains("TEMP B-TREE"), "{name}: {step}");
            }
        }
    }

    fn plan(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = vec![1; statement.parameter_count()];
        let steps =
            statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get("detail")).unwrap();
        steps.map(Result::unwrap).collect()
    }
}
