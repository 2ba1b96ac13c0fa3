//! A checksum in every row: `SQLite` checks the structure of its pages, not what is in them, so a
//! flipped bit inside a text would be read as if somebody had written it.
//!
//! Invariants:
//! 1. every table has a column `crc`, which triggers fill with [`row_crc`] of all other columns
//!    whenever a row is written, in the same transaction;
//! 2. triggers are made from the table's columns: one whose columns changed gets new ones, and new
//!    checksums, when it is next opened for writing.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};

/// A table as far as checksums need to know it.
pub(super) struct Checksummed {
    pub(super) name: String,
    /// All but the checksum, in order.
    pub(super) columns: Vec<String>,
    keys: Vec<String>,
    /// Whether it has checksums; one of an older schema has none.
    has_crc: bool,
}

/// CRC-32C of the values in order, each with its type and length.
fn row_crc(context: &Context<'_>) -> i64 {
    let mut crc = 0;
    let mut add = |tag: u8, bytes: &[u8]| {
        crc = crc32c::crc32c_append(crc, &[tag]);
        crc = crc32c::crc32c_append(crc, &(bytes.len() as u64).to_le_bytes());
        crc = crc32c::crc32c_append(crc, bytes);
    };
    for index in 0..context.len() {
        match context.get_raw(index) {
            ValueRef::Null => add(0, &[]),
            ValueRef::Integer(value) => add(1, &value.to_le_bytes()),
            ValueRef::Real(value) => add(2, &value.to_le_bytes()),
            ValueRef::Text(text) => add(3, text),
            ValueRef::Blob(bytes) => add(4, bytes),
        }
    }
    i64::from(crc)
}

/// Makes `row_crc` known to a connection.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("row_crc", -1, flags, |context| Ok(row_crc(context)))
}

/// All tables, in the order they were made: what others refer to comes first.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<Vec<Checksummed>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
               ORDER BY rowid";
    let mut statement = connection.prepare(sql)?;
    let names = statement.query_map([], |row| row.get(0))?;
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    names
        .into_iter()
        .map(|name| table(connection, name))
        .collect()
}

fn table(connection: &Connection, name: String) -> rusqlite::Result<Checksummed> {
    let sql = "SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([&name])?;
    let (mut columns, mut keys, mut has_crc) = (Vec::new(), Vec::new(), false);
    while let Some(row) = rows.next()? {
        let column: String = row.get(0)?;
        if column == "crc" {
            has_crc = true;
            continue;
        }
        if row.get::<_, i64>(1)? > 0 {
            keys.push(column.clone());
        }
        columns.push(column);
    }
    drop(rows);
    drop(statement);
    Ok(Checksummed {
        name,
        columns,
        keys,
        has_crc,
    })
}

impl Checksummed {
    /// What the checksum of a row should be.
    fn expression(&self, prefix: &str) -> String {
        let columns = self
            .columns
            .iter()
            .map(|column| format!("{prefix}{column}"));
        format!("row_crc({})", columns.collect::<Vec<_>>().join(", "))
    }

    /// A condition that a damaged row does not satisfy.
    pub(super) fn sound(&self) -> String {
        if self.has_crc {
            format!("crc IS {}", self.expression(""))
        } else {
            "TRUE".to_owned()
        }
    }

    /// How many rows are damaged.
    pub(super) fn damaged(&self, connection: &Connection) -> rusqlite::Result<i64> {
        let sql = format!(
            "SELECT count(*) FROM {} WHERE NOT ({})",
            self.name,
            self.sound()
        );
        connection.query_row(&sql, [], |row| row.get(0))
    }

    /// The statements that keep the checksums.
    fn triggers(&self) -> [(String, String); 2] {
        let Self { name, keys, .. } = self;
        let same = keys.iter().map(|key| format!("{key} = new.{key}"));
        let (same, crc) = (
            same.collect::<Vec<_>>().join(" AND "),
            self.expression("new."),
        );
        let update = format!("UPDATE OF {}", self.columns.join(", "));
        // A row that was damaged before stays so: what is written is only a part of it.
        let old = self.expression("old.");
        let again = format!("CASE WHEN old.crc IS {old} THEN {crc} ELSE old.crc END");
        let events = [
            ("insert", "INSERT".to_owned(), crc),
            ("update", update, again),
        ];
        events.map(|(when, event, crc)| {
            let trigger = format!("{name}_crc_{when}");
            let sql = format!(
                "CREATE TRIGGER {trigger} AFTER {event} ON {name} \
                 BEGIN UPDATE {name} SET crc = {crc} WHERE {same}; END"
            );
            (trigger, sql)
        })
    }

    /// Adds what is missing of column and triggers.
    fn ensure(&self, connection: &Connection) -> rusqlite::Result<()> {
        let name = &self.name;
        // Which rows get a new checksum, if any.
        let mut renewed = (!self.has_crc).then(|| "TRUE".to_owned());
        if !self.has_crc {
            connection.execute_batch(&format!("ALTER TABLE {name} ADD COLUMN crc INTEGER"))?;
        }
        for (trigger, sql) in self.triggers() {
            let held: Option<String> = connection
                .prepare_cached("SELECT sql FROM sqlite_schema WHERE name = ?1")?
                .query_row([&trigger], |row| row.get(0))
                .optional()?;
            if held.as_ref() == Some(&sql) {
                continue;
            }
            let drop_it = format!("DROP TRIGGER IF EXISTS {trigger}");
            connection.execute_batch(&format!("{drop_it}; {sql}"))?;
            if trigger.ends_with("_insert") {
                // Of what was checked under other columns, only what is sound.
                let checked = held.as_deref().and_then(inserted);
                let sound = checked.map(|columns| format!("crc IS row_crc({columns})"));
                renewed.get_or_insert_with(|| sound.unwrap_or("crc IS NULL".to_owned()));
            }
        }
        if let Some(which) = renewed {
            let crc = self.expression("");
            let sql = format!("UPDATE {name} SET crc = {crc} WHERE {which}");
            connection.execute_batch(&sql)?;
        }
        Ok(())
    }
}

/// The columns that a trigger made a checksum of when a row was inserted.
fn inserted(trigger: &str) -> Option<String> {
    let (_, after) = trigger.split_once("SET crc = row_crc(new.")?;
    let (columns, _) = after.split_once(')')?;
    Some(columns.replace("new.", ""))
}

/// Makes every table keep checksums; [`register`] comes first.
pub(super) fn ensure(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for table in tables(&transaction)? {
        table.ensure(&transaction)?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        let sql = "CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT, r REAL) STRICT;
                   CREATE TABLE b (x TEXT, y TEXT, z INTEGER, PRIMARY KEY (x, y)) WITHOUT ROWID;
                   INSERT INTO a VALUES (1, 'before', 0.5);";
        connection.execute_batch(sql).unwrap();
        register(&connection).unwrap();
        ensure(&mut connection).unwrap();
        connection
    }

    fn damaged(connection: &Connection) -> i64 {
        let tables = tables(connection).unwrap();
        tables
            .iter()
            .map(|table| table.damaged(connection).unwrap())
            .sum()
    }

    #[test]
    fn what_is_written_has_its_checksum_and_what_changed_by_itself_has_not() {
        let connection = database();
        let sql = "INSERT INTO a (t, r) VALUES (NULL, 1), ('x', NULL);
                   INSERT INTO b (x, y, z) VALUES ('x', 'y', 1);
                   INSERT INTO b (x, y, z) VALUES ('x', 'y', 2)
                     ON CONFLICT DO UPDATE SET z = excluded.z;
                   UPDATE a SET t = 'after' WHERE id = 1;";
        connection.execute_batch(sql).unwrap();
        assert_eq!(damaged(&connection), 0);
        // A damaged row stays damaged when something else in it is written.
        let damage = "UPDATE a SET crc = 1 WHERE id = 1; UPDATE a SET r = 2 WHERE id = 1";
        connection.execute_batch(damage).unwrap();
        assert_eq!(damaged(&connection), 1);
        let mend = "DELETE FROM a WHERE id = 1; INSERT INTO a (id, t) VALUES (1, 'new')";
        connection.execute_batch(mend).unwrap();
        assert_eq!(damaged(&connection), 0);
        let bypass = "DROP TRIGGER a_crc_update; DROP TRIGGER b_crc_update";
        connection.execute_batch(bypass).unwrap();
        let flips = [
            "UPDATE a SET t = 'aftes' WHERE id = 1",
            "UPDATE a SET t = '' WHERE id = 2",
            "UPDATE a SET r = 0 WHERE id = 3",
            "UPDATE b SET z = 3",
        ];
        for (count, flip) in (1..).zip(flips) {
            connection.execute(flip, []).unwrap();
            assert_eq!(damaged(&connection), count, "{flip}");
        }
    }

    #[test]
    fn a_table_that_gains_a_column_gets_new_checksums() {
        let mut connection = database();
        connection
            .execute_batch("ALTER TABLE a ADD COLUMN more TEXT")
            .unwrap();
        assert_eq!(damaged(&connection), 1);
        let flipped = "INSERT INTO a (id, t) VALUES (2, 'x'); UPDATE a SET crc = 1 WHERE id = 2";
        connection.execute_batch(flipped).unwrap();
        ensure(&mut connection).unwrap();
        assert_eq!(damaged(&connection), 1, "what was damaged before still is");
        connection
            .execute("DELETE FROM a WHERE id = 2", [])
            .unwrap();
        assert_eq!(damaged(&connection), 0);
        connection.execute("UPDATE a SET more = 'x'", []).unwrap();
        assert_eq!(damaged(&connection), 0);
    }
}
