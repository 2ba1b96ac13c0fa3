//! A query of SQL in a few words: what it does, and to which tables.
//!
//! Few instrumentations tell a summary, and the text of a query has values in it, so that no two
//! are alike. Not a parser: it knows the words that a table's name follows, and skips texts,
//! comments, numbers and what stands in parentheses of functions. It never fails: of what is no
//! SQL it says nothing. Nothing that was quoted as a value gets into a summary. Source:
//! OpenTelemetry semantic conventions 1.44, "Database", "Generating a summary of the query".

mod token;

use self::token::{Token, Tokens};

/// Bytes of a query beyond this many are not looked at.
const QUERY_BYTES_MAX: usize = 4096;
/// Longest summary, in bytes; tables beyond it are left out.
const SUMMARY_BYTES_MAX: usize = 255;
/// Deepest parentheses; what is deeper is read as if it were this deep.
const DEPTH_MAX: usize = 32;
/// Most names that a query gives to parts of itself (`WITH`).
const NAMES_MAX: usize = 16;

/// A query in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Each thing done and its tables: `SELECT orders customers`.
    pub text: String,
    /// The first thing done: `SELECT`.
    pub operation: &'static str,
    /// Its first table.
    pub collection: Option<String>,
}

/// The summary of a query; `None` where it is no SQL.
///
/// ```
/// use tacho_semconv::sql::summary;
/// let told = summary("select * from orders o join users u on u.id = o.by where o.no = 7").unwrap();
/// assert_eq!(told.text, "SELECT orders users");
/// assert_eq!((told.operation, told.collection.as_deref()), ("SELECT", Some("orders")));
/// ```
pub fn summary(query: &str) -> Option<Summary> {
    let mut reader = Reader::default();
    for token in Tokens::new(cut(query)) {
        reader.take(token)?;
    }
    reader.end()
}

/// What a word that begins with one of these does is that word in capitals.
pub fn operation(word: &str) -> Option<&'static str> {
    const KNOWN: [&str; 33] = [
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "MERGE",
        "REPLACE",
        "UPSERT",
        "WITH",
        "VALUES",
        "CREATE",
        "ALTER",
        "DROP",
        "TRUNCATE",
        "BEGIN",
        "START",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "SET",
        "SHOW",
        "EXPLAIN",
        "ANALYZE",
        "VACUUM",
        "COPY",
        "CALL",
        "EXEC",
        "EXECUTE",
        "GRANT",
        "REVOKE",
        "LOCK",
        "PRAGMA",
        "REFRESH",
    ];
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(word));
    known.copied()
}

/// The beginning of a query, cut where a character ends.
fn cut(query: &str) -> &str {
    let end = (0..=QUERY_BYTES_MAX.min(query.len())).rev();
    let end = end.into_iter().find(|end| query.is_char_boundary(*end));
    &query[..end.unwrap_or(0)]
}

/// What the next word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Expect {
    /// Nothing special.
    #[default]
    Any,
    /// The name of a table, of which a list may follow.
    Table,
    /// What is created, altered or dropped.
    Kind,
    /// The name of a part of this query.
    Name,
}

#[derive(Debug, Default)]
struct Reader<'q> {
    text: String,
    /// Whether anything was recognised.
    has_begun: bool,
    /// Whether the query gives names to parts of itself, which come before what it does.
    has_with: bool,
    first: Option<&'static str>,
    collection: Option<String>,
    expect: Expect,
    /// The word before.
    before: &'q str,
    /// For each depth of parentheses whether tables are told in it, by `FROM` and commas.
    tables: [Depth; DEPTH_MAX],
    depth: usize,
    /// Names that the query gives to parts of itself: no tables.
    names: Vec<&'q str>,
    /// The table that was just told, until it is certain that it is no function.
    pending: Option<&'q str>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    /// A `SELECT` or `DELETE` began here, so `FROM` tells tables.
    has_query: bool,
    /// Between `FROM` and what ends its list.
    in_list: bool,
    /// Between `WITH` and the query.
    in_with: bool,
}

impl<'q> Reader<'q> {
    /// `None` where it is no SQL.
    fn take(&mut self, token: Token<'q>) -> Option<()> {
        if token != Token::Symbol(b'(') {
            self.tell_pending();
        }
        match token {
            Token::Word(word) => self.word(word)?,
            Token::Quoted(name) => self.name(name),
            Token::Symbol(symbol) => self.symbol(symbol),
            Token::Value => self.expect = Expect::Any,
        }
        // What begins with a value or a symbol is no SQL.
        (self.has_begun || token == Token::Symbol(b'(')).then_some(())
    }

    fn end(mut self) -> Option<Summary> {
        self.tell_pending();
        Some(Summary {
            operation: self.first?,
            text: self.text,
            collection: self.collection,
        })
    }

    fn here(&mut self) -> &mut Depth {
        &mut self.tables[self.depth.min(DEPTH_MAX - 1)]
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'(' => {
                // What a parenthesis follows among tables that are read is a function.
                if self.here().in_list {
                    self.pending = None;
                }
                self.tell_pending();
                self.expect = Expect::Any;
                self.depth += 1;
                *self.here() = Depth::default();
            }
            b')' => self.depth = self.depth.saturating_sub(1),
            b',' if self.here().in_list => self.expect = Expect::Table,
            b',' if self.here().in_with => self.expect = Expect::Name,
            b';' => {
                *self.here() = Depth::default();
                self.expect = Expect::Any;
            }
            _ => {}
        }
        self.before = "";
    }

    fn word(&mut self, word: &'q str) -> Option<()> {
        const ENDS: [&str; 12] = [
            "WHERE",
            "ON",
            "SET",
            "VALUES",
            "GROUP",
            "HAVING",
            "ORDER",
            "LIMIT",
            "UNION",
            "EXCEPT",
            "RETURNING",
            "FOR",
        ];
        let before = std::mem::replace(&mut self.before, word);
        let follows = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(before));
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        if !self.has_begun {
            self.begin(operation(word)?);
        } else if is(&["SELECT"]) {
            self.begin("SELECT");
        } else if is(&["INSERT", "UPDATE", "DELETE", "MERGE"])
            && (self.here().in_with || follows(&["", "EXPLAIN", "ANALYZE", "AS"]))
            && self.expect == Expect::Any
        {
            self.begin(operation(word)?);
        } else if is(&["FROM", "JOIN", "USING"]) {
            let tells = self.here().has_query && !follows(&["DISTINCT"]);
            // `JOIN … USING (a)` names columns; `DELETE FROM a USING b` a table.
            if tells && !(is(&["USING"]) && self.first != Some("DELETE")) {
                self.here().in_list = true;
                self.expect = Expect::Table;
            }
        } else if is(&["INTO"]) {
            self.expect = Expect::Table;
        } else if is(&ENDS) {
            self.here().in_list = false;
            self.expect = Expect::Any;
        } else {
            self.other(word);
        }
        Some(())
    }

    /// A thing done begins.
    fn begin(&mut self, verb: &'static str) {
        self.has_begun = true;
        if verb == "WITH" {
            self.has_with = true;
            self.here().in_with = true;
            self.expect = Expect::Name;
            return;
        }
        self.expect = match verb {
            "UPDATE" | "TRUNCATE" | "COPY" | "LOCK" | "VACUUM" => Expect::Table,
            "CREATE" | "ALTER" | "DROP" => Expect::Kind,
            _ => Expect::Any,
        };
        let here = self.here();
        (here.in_with, here.in_list) = (false, false);
        here.has_query = matches!(verb, "SELECT" | "DELETE");
        if self.depth == 0 || !self.has_with {
            self.first.get_or_insert(verb);
        }
        self.tell(verb);
    }

    /// A word that is none of those that tell what comes.
    fn other(&mut self, word: &'q str) {
        const SKIPPED: [&str; 14] = [
            "IF",
            "NOT",
            "EXISTS",
            "ONLY",
            "LATERAL",
            "TABLE",
            "LOW_PRIORITY",
            "IGNORE",
            "TEMP",
            "TEMPORARY",
            "UNIQUE",
            "OR",
            "REPLACE",
            "RECURSIVE",
        ];
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        match self.expect {
            Expect::Kind if is(&["TABLE", "VIEW"]) => {
                self.tell(if is(&["TABLE"]) { "TABLE" } else { "VIEW" });
                self.expect = Expect::Table;
            }
            Expect::Kind if is(&["INDEX"]) => {
                self.tell("INDEX");
                self.expect = Expect::Any;
            }
            Expect::Kind | Expect::Table | Expect::Name if is(&SKIPPED) => {}
            Expect::Kind => self.expect = Expect::Any,
            _ => self.name(word),
        }
    }

    /// A name, quoted or not.
    fn name(&mut self, name: &'q str) {
        match self.expect {
            Expect::Table => self.pending = Some(name),
            Expect::Name if self.names.len() < NAMES_MAX => self.names.push(name),
            _ => {}
        }
        self.expect = Expect::Any;
    }

    /// Tells the table that was waiting.
    fn tell_pending(&mut self) {
        let Some(table) = self.pending.take() else {
            return;
        };
        if self
            .names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(table))
        {
            return;
        }
        let table = token::plain(table);
        self.tell(&table);
        if self.collection.is_none() {
            self.collection = Some(table);
        }
    }

    fn tell(&mut self, word: &str) {
        if self.text.len() + 1 + word.len() > SUMMARY_BYTES_MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(word);
    }
}

#[cfg(test)]
mod tests;
