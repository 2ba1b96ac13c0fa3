//! The words of a query, without its values.

/// A word, a quoted name, a symbol or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'q> {
    /// A word or a name, with dots in it.
    Word(&'q str),
    /// A name that begins with a quote, as it stands there.
    Quoted(&'q str),
    /// A parenthesis, comma, semicolon or operator.
    Symbol(u8),
    /// A text, a number or a place for one.
    Value,
}

/// The tokens of a query.
pub(super) struct Tokens<'q>(&'q str);

impl<'q> Tokens<'q> {
    pub(super) fn new(query: &'q str) -> Self {
        Self(query)
    }

    /// Takes this many bytes off.
    fn split(&mut self, bytes: usize) -> &'q str {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            self.0 = self.0.trim_start();
            let end = if self.0.starts_with("--") {
                self.0.find('\n')
            } else if self.0.starts_with("/*") {
                self.0.find("*/").map(|at| at + 2)
            } else {
                return;
            };
            self.split(end.unwrap_or(self.0.len()));
        }
    }
}

impl<'q> Iterator for Tokens<'q> {
    type Item = Token<'q>;

    fn next(&mut self) -> Option<Token<'q>> {
        self.skip_blanks_and_comments();
        let first = self.0.chars().next()?;
        Some(match first {
            '\'' => {
                self.split(quoted(self.0, '\''));
                Token::Value
            }
            '"' | '`' => Token::Quoted(self.split(name(self.0))),
            '0'..='9' | '$' | ':' | '?' | '@' | '%' => {
                let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '$');
                let rest = &self.0[first.len_utf8()..];
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                self.split(first.len_utf8() + end);
                Token::Value
            }
            _ if is_of_word(first) => Token::Word(self.split(name(self.0))),
            _ => {
                self.split(first.len_utf8());
                Token::Symbol(u8::try_from(first).unwrap_or(b' '))
            }
        })
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The bytes of what begins with a quote, which two of end nothing.
fn quoted(text: &str, quote: char) -> usize {
    let mut end = 1;
    while let Some(at) = text[end..].find(quote) {
        end += at + 1;
        if !text[end..].starts_with(quote) {
            return end;
        }
        end += 1;
    }
    text.len()
}

/// The bytes of a name: words and quoted words, with dots between them.
fn name(text: &str) -> usize {
    let mut end = 0;
    loop {
        let rest = &text[end..];
        end += match rest.chars().next() {
            Some(quote @ ('"' | '`')) => quoted(rest, quote),
            _ => rest
                .find(|c| !is_of_word(c) && c != '$')
                .unwrap_or(rest.len()),
        };
        let follows = text[end..]
            .strip_prefix('.')
            .and_then(|rest| rest.chars().next());
        if !follows.is_some_and(|c| is_of_word(c) || matches!(c, '"' | '`')) {
            return end;
        }
        end += 1;
    }
}

/// A name without its quotes and blanks.
pub(super) fn plain(name: &str) -> String {
    let is_kept = |c: &char| !matches!(c, '"' | '`') && !c.is_whitespace() && !c.is_control();
    name.chars().filter(is_kept).collect()
}
