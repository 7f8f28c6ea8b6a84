//! Which token is in the file now? Read again when it changes, by a thread of its own, because a file can be slow.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use purple_sector_codec::UserId;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info, warn};

use crate::login::Login;
use crate::token::{MAX_TOKEN_BYTES, Token};

/// Time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest time without a look at whether to stop.
const NAP: Duration = Duration::from_millis(100);

/// A token, and the file that it is in.
#[derive(Debug, Clone)]
pub struct TokenFile {
    path: PathBuf,
    token: Token,
}

impl TokenFile {
    /// Reads the token in the file at `path`.
    ///
    /// # Errors
    /// One sentence: it cannot be read, or holds no token.
    pub fn read(path: &Path) -> Result<Self, String> {
        Ok(Self { path: path.to_owned(), token: parse(path, read(path))? })
    }

    /// The token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The thread that looks at the file. Dropping it ends it.
pub struct TokenWatch {
    stop: Option<DropGuard>,
    thread: Option<JoinHandle<()>>,
}

impl TokenWatch {
    /// Watches a file that holds the token of `user`, until it is dropped; the log-in has the newest one.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(file: TokenFile, user: UserId) -> io::Result<(Self, Login)> {
        // Not the program's: what is delivered while that stops may need a new token too.
        let stop = CancellationToken::new();
        let (sender, newest) = watch::channel(file.token.clone());
        let path = file.path.clone();
        let of_thread = stop.clone();
        let look = move || {
            let mut looker = Looker { shown: file.token, user, trouble: None };
            let mut look_at = Instant::now();
            while !of_thread.is_cancelled() {
                std::thread::sleep(NAP);
                if Instant::now() < look_at {
                    continue;
                }
                look_at = Instant::now() + LOOK_EVERY;
                match looker.see(parse(&file.path, read(&file.path))) {
                    Some(Seen::Next(token)) => {
                        info!(file = %file.path.display(), "the token was replaced");
                        sender.send_replace(token);
                    }
                    Some(Seen::Unusable(reason)) => {
                        warn!("{reason}; keeping the token that was there before (KAFKA_TOKEN_FILE)");
                    }
                    None => {}
                }
            }
        };
        let thread = std::thread::Builder::new().name("token".into()).spawn(look)?;
        let watch = Self { stop: Some(stop.drop_guard()), thread: Some(thread) };
        Ok((watch, Login::Token { newest, file: path }))
    }
}

impl Drop for TokenWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            error!("the thread that watches the token's file ended with a panic");
        }
    }
}

/// What follows from looks at the file. Pure.
struct Looker {
    shown: Token,
    user: UserId,
    trouble: Option<Trouble>,
}

/// What is wrong with the file: told of once, and only if the next look finds it too, because a file that is written just
/// now is not whole.
struct Trouble {
    reason: String,
    is_told: bool,
}

/// What a look has found, if it is news.
#[derive(Debug, PartialEq)]
enum Seen {
    /// Another token of the same user.
    Next(Token),
    /// No token, or one of somebody else: why, in one sentence.
    Unusable(String),
}

impl Looker {
    fn see(&mut self, found: Result<Token, String>) -> Option<Seen> {
        let found = found.and_then(|token| match token.user() {
            Some(user) if *user != self.user => Err(format!(
                "the file holds a token of another user now, {user:?} instead of {:?}",
                self.user
            )),
            _ => Ok(token),
        });
        match found {
            Ok(token) => {
                self.trouble = None;
                if token == self.shown {
                    return None;
                }
                self.shown = token.clone();
                Some(Seen::Next(token))
            }
            Err(reason) => match &mut self.trouble {
                Some(trouble) if trouble.reason == reason => {
                    let is_news = !std::mem::replace(&mut trouble.is_told, true);
                    is_news.then_some(Seen::Unusable(reason))
                }
                _ => {
                    self.trouble = Some(Trouble { reason, is_told: false });
                    None
                }
            },
        }
    }
}

fn parse(path: &Path, text: io::Result<String>) -> Result<Token, String> {
    let path = path.display();
    let text = text.map_err(|error| format!("cannot read the token in {path}: {error}"))?;
    Token::parse(&text).map_err(|error| format!("there is no token in {path}: {error}"))
}

/// The file's text, as far as a token may be long.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // White space around a token counts too; nobody has that much.
    File::open(path)?.take(2 * MAX_TOKEN_BYTES as u64).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tests::token_of;

    fn token(claims: &str) -> Token {
        Token::parse(&token_of(claims)).expect("a token")
    }

    fn looker() -> Looker {
        let user = UserId::parse("alice").expect("valid");
        Looker { shown: token(r#"{"sub":"alice","exp":1}"#), user, trouble: None }
    }

    #[test]
    fn another_token_of_the_same_user_is_taken_once() {
        let mut looker = looker();
        assert_eq!(looker.see(Ok(token(r#"{"sub":"alice","exp":1}"#))), None);
        let next = token(r#"{"sub":"alice","exp":2}"#);
        assert_eq!(looker.see(Ok(next.clone())), Some(Seen::Next(next.clone())));
        assert_eq!(looker.see(Ok(next)), None);
        let nameless = token(r#"{"exp":3}"#);
        assert_eq!(looker.see(Ok(nameless.clone())), Some(Seen::Next(nameless)));
    }

    #[test]
    fn a_file_without_a_token_is_reported_once_and_only_if_it_stays_so() {
        let mut looker = looker();
        let gone = || Err("gone".to_owned());
        assert_eq!(looker.see(gone()), None, "it may be written just now");
        assert_eq!(looker.see(gone()), Some(Seen::Unusable("gone".to_owned())));
        assert_eq!(looker.see(gone()), None);
        assert_eq!(looker.see(Err("empty".to_owned())), None);
        assert_eq!(looker.see(Ok(token(r#"{"sub":"alice","exp":1}"#))), None, "it is back");
        assert_eq!((looker.see(gone()), looker.see(gone()).is_some()), (None, true));
    }

    #[test]
    fn a_token_of_another_user_is_not_taken() {
        let mut looker = looker();
        let bobs = || Ok(token(r#"{"sub":"bob","exp":2}"#));
        assert_eq!(looker.see(bobs()), None);
        let Some(Seen::Unusable(reason)) = looker.see(bobs()) else { panic!("it was taken") };
        assert!(reason.contains("\"bob\"") && reason.contains("\"alice\""), "{reason}");
    }
}
