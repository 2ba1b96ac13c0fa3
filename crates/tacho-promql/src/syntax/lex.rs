//! The words of a query: where each begins and ends, and what it is.
//!
//! Invariants: tokens lie in the order of the text and do not overlap; the last is the end of
//! input or an error, and nothing follows an error. Keywords are not told from identifiers here,
//! for nearly every one of them is also a valid metric name: the parser knows which is meant.
//! Source: Prometheus documentation, "Querying basics"; errors as Prometheus words them.

use std::ops::Range;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) sort: Sort,
    pub(super) at: Range<usize>,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sort {
    End,
    Error(String),
    /// A name or a keyword.
    Word,
    Number,
    Duration,
    /// In its quotes.
    Text,
    /// An operator or a bracket.
    Sign(&'static str),
}

/// Signs outside braces, longer ones first where one begins another.
const SIGNS: [&str; 23] = [
    "==", "=~", "!=", "!~", "<=", ">=", "</", ">/", "<", ">", "=", "+", "-", "*", "/", "%", "^",
    "(", ")", "[", "]", ",", "@",
];

/// Signs inside braces.
const SIGNS_IN_BRACES: [&str; 5] = ["=~", "!=", "!~", "=", ","];

/// Splits a text into tokens.
pub(super) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        at: 0,
        parens: 0,
        in_braces: false,
        brackets: 0,
        tokens: Vec::with_capacity(text.len() / 4 + 4),
    };
    while lexer.step() {}
    lexer.tokens
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    parens: usize,
    in_braces: bool,
    brackets: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    /// Takes the next token; whether there may be more.
    fn step(&mut self) -> bool {
        self.skip_blanks();
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else {
            return self.end();
        };
        match first {
            '{' if self.in_braces => self.fail("unexpected left brace '{'"),
            '{' => {
                self.in_braces = true;
                self.push(1, Sort::Sign("{"))
            }
            '}' if self.in_braces => {
                self.in_braces = false;
                self.push(1, Sort::Sign("}"))
            }
            '"' | '\'' | '`' => self.quoted(first),
            _ if self.in_braces => self.inside_braces(first),
            ':' if self.brackets > 0 => self.push(1, Sort::Sign(":")),
            '0'..='9' => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            c if is_name_start(c) || c == ':' => {
                let is_inside = |c: char| is_name_start(c) || c.is_ascii_digit() || c == ':';
                let is_inside = |c: char| is_inside(c) && (c != ':' || self.brackets == 0);
                let length = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
                self.push(length, Sort::Word)
            }
            c => self.sign(c),
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    fn push(&mut self, length: usize, sort: Sort) -> bool {
        let at = self.at..self.at + length;
        self.at = at.end;
        self.tokens.push(Token { sort, at });
        true
    }

    fn fail(&mut self, message: impl Into<String>) -> bool {
        self.push(0, Sort::Error(message.into()));
        false
    }

    fn end(&mut self) -> bool {
        if self.in_braces {
            return self.fail("unexpected end of input inside braces");
        }
        if self.brackets > 0 {
            return self.fail("unclosed left bracket");
        }
        if self.parens > 0 {
            return self.fail("unclosed left parenthesis");
        }
        self.push(0, Sort::End);
        false
    }

    fn inside_braces(&mut self, first: char) -> bool {
        let rest = &self.text[self.at..];
        if is_name_start(first) {
            let is_inside = |c: char| is_name_start(c) || c.is_ascii_digit();
            let length = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
            return self.push(length, Sort::Word);
        }
        if let Some(sign) = SIGNS_IN_BRACES.iter().find(|s| rest.starts_with(**s)) {
            return self.push(sign.len(), Sort::Sign(sign));
        }
        match rest.chars().nth(1) {
            Some(next) if first == '!' => self.fail(format!(
                "unexpected character after '!' inside braces: {next:?}"
            )),
            _ => self.fail(format!("unexpected character inside braces: {first:?}")),
        }
    }

    fn sign(&mut self, first: char) -> bool {
        let rest = &self.text[self.at..];
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
            return match rest.chars().nth(1) {
                Some(next) if first == '!' => {
                    self.fail(format!("unexpected character after '!': {next:?}"))
                }
                _ => self.fail(format!("unexpected character: {first:?}")),
            };
        };
        match *sign {
            "=~" => return self.fail("unexpected character after '=': '~'"),
            "!~" => return self.fail("unexpected character after '!': '~'"),
            "(" => self.parens += 1,
            ")" if self.parens == 0 => {
                // Prometheus tells of it where it ends.
                self.at += 1;
                return self.fail("unexpected right parenthesis ')'");
            }
            ")" => self.parens -= 1,
            "[" => self.brackets += 1,
            "]" if self.brackets == 0 => return self.fail("unexpected right bracket ']'"),
            "]" => self.brackets -= 1,
            _ => {}
        }
        self.push(sign.len(), Sort::Sign(sign))
    }

    fn quoted(&mut self, quote: char) -> bool {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' if quote != '`' => escaped = true,
                '\n' if quote != '`' => break,
                c if c == quote => return self.push(at + 1, Sort::Text),
                _ => {}
            }
        }
        match quote {
            '`' => self.fail("unterminated raw string"),
            _ => self.fail("unterminated quoted string"),
        }
    }

    /// A number or a duration: both begin with a digit.
    fn number(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let bytes = rest.as_bytes();
        let is_hex = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
        let mut length = if is_hex { 2 } else { 0 };
        while let Some(byte) = bytes.get(length) {
            let is_sign = matches!(byte, b'+' | b'-') && matches!(bytes[length - 1], b'e' | b'E');
            let is_inside = match byte {
                b'_' => true,
                byte if is_hex => byte.is_ascii_hexdigit(),
                b'.' => !bytes[..length].contains(&b'.'),
                b'e' | b'E' => true,
                byte => byte.is_ascii_digit() || (length > 0 && is_sign),
            };
            if !is_inside {
                break;
            }
            length += 1;
        }
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        if !bytes.get(length).is_some_and(is_name) {
            return self.push(length, Sort::Number);
        }
        let word = &rest[..bytes.iter().take_while(|byte| is_name(byte)).count()];
        if super::literal::is_duration(word) {
            return self.push(word.len(), Sort::Duration);
        }
        if super::literal::has_units(word) {
            return self.fail(format!("not a valid duration string: {word:?}"));
        }
        let is_unit = rest[length..].starts_with(['s', 'm', 'h', 'd', 'w', 'y']);
        let shown = if is_unit { word } else { &rest[..length] };
        self.fail(format!("bad number or duration syntax: {shown:?}"))
    }
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = |token: &Token| match &token.sort {
            Sort::End => "END".to_owned(),
            Sort::Error(message) => format!("!{message}"),
            sort => format!("{}:{}", &text[token.at.clone()], &format!("{sort:?}")[..1]),
        };
        let tokens: Vec<String> = lex(text).iter().map(shown).collect();
        assert_eq!(tokens.join(" "), expected, "{text}");
    }

    #[test]
    fn words_signs_numbers_and_texts_are_told_apart() {
        check("", "END");
        check("a+b # c\n", "a:W +:S b:W END");
        check("a:b{c=~\"d\"}", "a:b:W {:S c:W =~:S \"d\":T }:S END");
        check("x[5m:30s]", "x:W [:S 5m:D ::S 30s:D ]:S END");
        check("1e-3 0xAf .5 1_000", "1e-3:N 0xAf:N .5:N 1_000:N END");
        check("1-1", "1:N -:S 1:N END");
        check("a>=1 <= ^", "a:W >=:S 1:N <=:S ^:S END");
        check(r"'it\'s' `a\`", r"'it\'s':T `a\`:T END");
    }

    #[test]
    fn what_is_no_word_says_why() {
        check("a ~", "a:W !unexpected character: '~'");
        check("a)", "a:W !unexpected right parenthesis ')'");
        check("(a", "(:S a:W !unclosed left parenthesis");
        check("a{1", "a:W {:S !unexpected character inside braces: '1'");
        check("a[5m", "a:W [:S 5m:D !unclosed left bracket");
        check("1x", "!bad number or duration syntax: \"1\"");
        check("\"a", "!unterminated quoted string");
        check("é", "!unexpected character: 'é'");
        check("!a", "!unexpected character after '!': 'a'");
    }
}
