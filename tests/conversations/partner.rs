//! The partner: messages put together from words, and what the server says held against words.

use twinlease::time::UnixTime;
use twinlease::wire::codes::{MessageType, OptionCode, Xid};
use twinlease::wire::frame::{Frame, Header};
use twinlease::wire::option::encode_options;

use crate::language::{START, date, number, pair};
use crate::options::{Context, bare, code, hardware, value};

/// What the partner says of itself where a script does not say otherwise.
pub(crate) struct Partner {
    pub(crate) vendor: String,
    pub(crate) mclt: u32,
    xid: u32,
}

/// A message to be sent, with what an answer to it has to repeat.
pub(crate) struct Draft {
    pub(crate) message_type: MessageType,
    pub(crate) xid: Xid,
    pub(crate) octets: Vec<u8>,
}

type Options = Vec<(OptionCode, Vec<u8>)>;

impl Partner {
    pub(crate) fn new(mclt: u32) -> Self {
        Self { vendor: "test".to_owned(), mclt, xid: 1000 }
    }

    pub(crate) fn next_xid(&mut self) -> Xid {
        self.xid += 1;
        Xid(self.xid)
    }

    /// The message that `words` describe.
    pub(crate) fn message(
        &self,
        message_type: MessageType,
        xid: Xid,
        words: &[&str],
        context: Context,
    ) -> Result<Draft, String> {
        let now = UnixTime(START + u32::try_from(context.now / 1_000_000).unwrap_or(u32::MAX));
        let mut header = Header {
            message_type,
            payload_offset: context.dialect.payload_offset(),
            time: context.clock(now),
            xid,
        };
        let mut options: Options = Vec::new();
        let mut said: Vec<&str> = Vec::new();
        for word in words {
            match pair(word) {
                Some(("xid", value)) => header.xid = Xid(number(value)?),
                Some(("time", value)) => header.time = context.clock(date(value, context.now)?),
                Some(("payload-offset", value)) => header.payload_offset = number(value)?,
                _ => {
                    let begins = message_type == MessageType::BNDUPD
                        && bare(message_type, word)
                            .is_ok_and(|(code, _)| code == OptionCode::ASSIGNED_IP_ADDRESS);
                    if begins && !said.is_empty() {
                        options.extend(self.options(message_type, &said, context)?);
                        said.clear();
                    }
                    said.push(word);
                }
            }
        }
        options.extend(self.options(message_type, &said, context)?);
        let mut octets = Vec::new();
        let written = options.iter().map(|(code, value)| (*code, value.as_slice()));
        encode_options(header, written, &mut octets).map_err(|error| error.to_string())?;
        Ok(Draft { message_type, xid: header.xid, octets })
    }

    /// What is said, then what goes without saying; `name=none` leaves that out.
    fn options(
        &self,
        message_type: MessageType,
        words: &[&str],
        context: Context,
    ) -> Result<Options, String> {
        let mut options: Options = Vec::new();
        let mut unsaid = Vec::new();
        for word in words {
            let (code, written) = match pair(word) {
                Some(("client", client)) => {
                    let octets = hardware(number(client)?).to_vec();
                    options.push((OptionCode::CLIENT_HARDWARE_ADDRESS, octets));
                    continue;
                }
                Some((name, written)) => (code(name)?, written),
                None => bare(message_type, word)?,
            };
            if written == "none" {
                unsaid.push(code);
            } else {
                options.push((code, value(code, written, context)?));
            }
        }
        for (code, written) in self.defaults(message_type) {
            if !unsaid.contains(&code) && !options.iter().any(|(said, _)| *said == code) {
                options.push((code, value(code, &written, context)?));
            }
        }
        Ok(options)
    }

    fn defaults(&self, message_type: MessageType) -> Vec<(OptionCode, String)> {
        let mut defaults: Vec<(OptionCode, &str)> = Vec::new();
        let mclt = self.mclt.to_string();
        match message_type {
            MessageType::CONNECT | MessageType::CONNECTACK => {
                defaults.extend([
                    (OptionCode::RELATIONSHIP_NAME, "pair"),
                    (OptionCode::MAX_UNACKED_BNDUPD, "10"),
                    (OptionCode::RECEIVE_TIMER, "30"),
                    (OptionCode::VENDOR_CLASS_IDENTIFIER, &self.vendor),
                    (OptionCode::PROTOCOL_VERSION, "1"),
                ]);
                if message_type == MessageType::CONNECT {
                    defaults.extend([
                        (OptionCode::TLS_REQUEST, "0"),
                        (OptionCode::MCLT, &mclt),
                        (OptionCode::HASH_BUCKET_ASSIGNMENT, "half"),
                    ]);
                } else {
                    defaults.push((OptionCode::TLS_REPLY, "0"));
                }
            }
            MessageType::STATE => defaults.extend([
                (OptionCode::SERVER_FLAGS, "0"),
                (OptionCode::START_TIME_OF_STATE, "now"),
            ]),
            MessageType::BNDUPD => defaults.extend([
                (OptionCode::START_TIME_OF_STATE, "now"),
                (OptionCode::CLIENT_LAST_TRANSACTION_TIME, "now"),
            ]),
            _ => {}
        }
        defaults.into_iter().map(|(code, written)| (code, written.to_owned())).collect()
    }
}

/// What is wrong with `frame` if it should be a message as `words` describe it; nothing if it is one.
/// Only what is named is looked at.
pub(crate) fn fault_of(
    frame: &Frame<'_>,
    message_type: MessageType,
    words: &[&str],
    context: Context,
) -> Result<Option<String>, String> {
    if frame.header.message_type != message_type {
        return Ok(Some(format!("it is no {}", message_type.name().to_uppercase())));
    }
    for word in words {
        let (code, expected) = match pair(word) {
            Some(("xid", expected)) => {
                if frame.header.xid != Xid(number(expected)?) {
                    return Ok(Some(format!("its xid is {}", frame.header.xid)));
                }
                continue;
            }
            Some(("time", expected)) => {
                if frame.header.time != context.clock(date(expected, context.now)?) {
                    return Ok(Some(format!("its time is {}", frame.header.time.0)));
                }
                continue;
            }
            Some(("client", client)) => {
                let expected = hardware(number(client)?).map(|octet| format!("{octet:02x}"));
                (OptionCode::CLIENT_HARDWARE_ADDRESS, expected.join(":"))
            }
            Some((name, expected)) => (code(name)?, expected.to_owned()),
            None => {
                let (code, expected) = bare(message_type, word)?;
                (code, expected.to_owned())
            }
        };
        let options: Result<Vec<_>, _> = frame.options().collect();
        let options = options.map_err(|error| error.to_string())?;
        let mut values = options.iter().filter(|option| option.code == code).map(|o| o.value);
        let right = match expected.as_str() {
            "none" => values.next().is_none(),
            "any" => values.next().is_some(),
            expected => {
                let expected = value(code, expected, context)?;
                values.any(|value| value == expected)
            }
        };
        if !right {
            return Ok(Some(format!("{} is not {expected}", code.name())));
        }
    }
    Ok(None)
}
