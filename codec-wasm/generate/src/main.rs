//! Which TypeScript of the npm package follows from Rust? Writes it into a folder; `npm/build.mjs` runs this.
//!
//! `cargo run -p purple-sector-npm-sources -- FOLDER`

mod fields;
mod shared;

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [folder] = &arguments[..] else {
        eprintln!("usage: npm-sources FOLDER");
        return ExitCode::from(2);
    };
    for (name, content) in [("fields.ts", fields::source()), ("shared.ts", shared::source())] {
        let path = Path::new(folder).join(name);
        if let Err(error) = fs::write(&path, content) {
            eprintln!("npm-sources: cannot write {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The camelCase form of a name in snake_case, which is how JavaScript calls it: `tyre_core_temp_c_fl` is
/// `tyreCoreTempCFl`. `keyOf` in `npm/src/schema.ts` does the same for the channels of a schema.
fn key(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    let mut after_underscore = false;
    for c in name.chars() {
        if c == '_' {
            after_underscore = true;
            continue;
        }
        key.push(if after_underscore { c.to_ascii_uppercase() } else { c });
        after_underscore = false;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_camel_case_of_names() {
        for (name, expected) in
            [("gear", "gear"), ("tyre_core_temp_c_fl", "tyreCoreTempCFl"), ("rain_in_10_min", "rainIn10Min")]
        {
            assert_eq!(key(name), expected);
        }
    }
}
