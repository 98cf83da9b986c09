//! Reads JSON by the grammar, one character after the other.

use super::{Json, Text};

impl Json {
    /// The value in a text, if there is one and nothing else.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let value = reader.value()?;
        reader.rest.is_empty().then_some(value)
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Json> {
        self.white_space();
        let value = match self.peek()? {
            '{' => self.object()?,
            '[' => self.list()?,
            '"' => Json::Text(self.text()?),
            '-' | '0'..='9' => Json::Number(self.number()?),
            _ => Json::Word(["null", "true", "false"].into_iter().find(|word| self.takes(word))?),
        };
        self.white_space();
        Some(value)
    }

    fn object(&mut self) -> Option<Json> {
        let mut fields = Vec::new();
        self.take("{")?;
        self.white_space();
        if self.takes("}") {
            return Some(Json::Object(fields));
        }
        loop {
            self.white_space();
            let name = self.text()?;
            self.white_space();
            self.take(":")?;
            fields.push((name, self.value()?));
            if self.takes("}") {
                return Some(Json::Object(fields));
            }
            self.take(",")?;
        }
    }

    fn list(&mut self) -> Option<Json> {
        let mut items = Vec::new();
        self.take("[")?;
        self.white_space();
        if self.takes("]") {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.takes("]") {
                return Some(Json::List(items));
            }
            self.take(",")?;
        }
    }

    fn text(&mut self) -> Option<Text> {
        let mut units = Text::new();
        self.take("\"")?;
        loop {
            match self.next()? {
                '"' => return Some(units),
                '\\' => units.push(self.escape()?),
                '\0'..='\u{1f}' => return None,
                character => units.extend_from_slice(character.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        Some(u16::from(match self.next()? {
            'u' => return (0..4).try_fold(0, |unit, _| Some(unit * 16 + self.hexadecimal()?)),
            'b' => 8,
            't' => b'\t',
            'n' => b'\n',
            'f' => 12,
            'r' => b'\r',
            '"' => b'"',
            '\\' => b'\\',
            '/' => b'/',
            _ => return None,
        }))
    }

    fn hexadecimal(&mut self) -> Option<u16> {
        self.next()?.to_digit(16).and_then(|digit| u16::try_from(digit).ok())
    }

    fn number(&mut self) -> Option<String> {
        let whole = self.rest;
        self.takes("-");
        if !self.takes("0") {
            self.digits()?;
        }
        if self.takes(".") {
            self.digits()?;
        }
        if self.takes("e") || self.takes("E") {
            let _sign = self.takes("+") || self.takes("-");
            self.digits()?;
        }
        Some(whole[..whole.len() - self.rest.len()].to_owned())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(|character: char| character.is_ascii_digit());
        let is_any = rest.len() < self.rest.len();
        self.rest = rest;
        is_any.then_some(())
    }

    fn white_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    fn take(&mut self, expected: &str) -> Option<()> {
        self.takes(expected).then_some(())
    }

    fn takes(&mut self, expected: &str) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}
